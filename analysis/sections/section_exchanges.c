/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and their answers, by name: how many, how long they took, what they moved. */
#include "analysis/report.h"
#include "analysis/sections/requests.h"

static const struct table_column columns[] = {
	{"name", "request", TABLE_TEXT},
	{"class", "class", TABLE_TEXT},
	{"side", NULL, TABLE_TEXT},
	{"calls", "calls", TABLE_COUNT},
	{NULL, "answered", TABLE_COUNT},
	{"failed", "failed", TABLE_COUNT},
	{"total_ns", "total", TABLE_DURATION},
	{"avg_ns", "avg", TABLE_DURATION},
	{"p50_ns", "p50", TABLE_DURATION},
	{"p95_ns", "p95", TABLE_DURATION},
	{"max_ns", "max", TABLE_DURATION},
	{"bytes_out", "out", TABLE_BYTES},
	{"bytes_in", "in", TABLE_BYTES},
	{0},
};

enum { NAME, CLASS, SIDE, CALLS, ANSWERED, FAILED, TOTAL };

#define KEY "name, class, side"

/* clang-format off */
static const char sql[] =
	REQUESTS_WITH(
		REQUEST_FACT("ragtime.side", "side")
		REQUEST_FACT("ragtime.bytes_out", "bytes_out")
		REQUEST_FACT("ragtime.bytes_in", "bytes_in"))
	", ranked AS (SELECT *" REQUEST_RANKS("time", KEY) " FROM request)"
	" SELECT name, (SELECT w.name FROM word w WHERE w.list = 'class' AND w.number = class),"
	" side, COUNT(*),"
	" SUM(side = 'server'), SUM(status <> 0), SUM(time), CAST(AVG(time) AS INTEGER),"
	REQUEST_PERCENTILE("time", 50) "," REQUEST_PERCENTILE("time", 95) ", MAX(time),"
	" SUM(bytes_out), SUM(bytes_in) FROM ranked GROUP BY " KEY " ORDER BY " KEY;
/* clang-format on */

int section_exchanges(const struct section_context *context, struct section *section)
{
	return section_fill(context, section, columns, sql, TOTAL);
}
