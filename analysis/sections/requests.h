/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sections on requests share. Each is one query over spans of kind request, the attributes of
 * a span in columns of their own, percentiles taken from the values themselves.
 */
#ifndef ANALYSIS_SECTIONS_REQUESTS_H
#define ANALYSIS_SECTIONS_REQUESTS_H

#include "wire/event.h"

_Static_assert(RT_SPAN_request == 3, "a number in the queries");

/* One attribute as a column: an aggregate over the rows of a span. */
#define REQUEST_FACT(key, column) ", MAX(CASE WHEN a.key = '" key "' THEN a.value END) AS " column

/* A row a request of run ?1: span, operation, class, status, time (NULL: not ended), facts. */
#define REQUESTS_WITH(facts)                                                      \
	"WITH request AS (SELECT s.id AS span, o.name AS name, o.class AS class," \
	" s.status AS status, s.end_ns - s.start_ns AS time" facts                \
	" FROM span s JOIN operation o ON o.id = s.operation"                     \
	" JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"    \
	" LEFT JOIN attribute a ON a.span = s.id WHERE s.kind = 3 AND p.run = ?1" \
	" GROUP BY s.id)"

/* Rank and number of the known values of `value` among the rows that share `key`. */
#define REQUEST_RANKS(value, key)                                                      \
	", ROW_NUMBER() OVER (PARTITION BY " key ", " value " IS NULL ORDER BY " value \
	") AS " value "_rank, COUNT(" value ") OVER (PARTITION BY " key ") AS " value "_known"

/* The smallest value that no less than `percent` of the known ones do not exceed. */
#define REQUEST_PERCENTILE(value, percent)                                                        \
	" MAX(CASE WHEN " value "_rank = (" value "_known * " #percent " + 99) / 100 THEN " value \
	" END)"

#endif
