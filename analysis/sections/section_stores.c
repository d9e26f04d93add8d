/* SPDX-License-Identifier: Apache-2.0 */
/* Databases, vector stores and caches: per system, collection and operation. */
#include "analysis/report.h"
#include "analysis/sections/requests.h"

static const struct table_column columns[] = {
	{"system", "system", TABLE_TEXT},
	{"collection", "collection", TABLE_TEXT},
	{"operation", "operation", TABLE_TEXT},
	{"calls", "calls", TABLE_COUNT},
	{"failed", "failed", TABLE_COUNT},
	{"rows", "rows", TABLE_COUNT},
	{"affected_rows", "changed", TABLE_COUNT},
	{"k_max", "k", TABLE_COUNT},
	{"hits", "hits", TABLE_COUNT},
	{"misses", "misses", TABLE_COUNT},
	{"hit_rate", "hit rate", TABLE_SHARE},
	{"total_ns", "total", TABLE_DURATION},
	{"avg_ns", "avg", TABLE_DURATION},
	{"p50_ns", "p50", TABLE_DURATION},
	{"p95_ns", "p95", TABLE_DURATION},
	{"max_ns", "max", TABLE_DURATION},
	{0},
};

enum {
	SYSTEM,
	COLLECTION,
	OPERATION,
	CALLS,
	FAILED,
	ROWS,
	AFFECTED,
	K,
	HITS,
	MISSES,
	HIT_RATE,
	TOTAL
};

#define KEY "system, collection, operation"

/* clang-format off */
static const char sql[] =
	REQUESTS_WITH(
		REQUEST_FACT("db.system.name", "system")
		REQUEST_FACT("db.collection.name", "collection")
		REQUEST_FACT("db.operation.name", "told")
		REQUEST_FACT("db.response.returned_rows", "rows")
		REQUEST_FACT("ragtime.affected_rows", "affected")
		REQUEST_FACT("ragtime.k", "k")
		REQUEST_FACT("ragtime.cache", "cache"))
	", call AS (SELECT *, COALESCE(told, name) AS operation FROM request"
	" WHERE system IS NOT NULL)"
	", ranked AS (SELECT *" REQUEST_RANKS("time", KEY) " FROM call)"
	" SELECT system, collection, operation, COUNT(*), SUM(status <> 0), SUM(rows),"
	" SUM(affected), MAX(k), SUM(cache = 'hit'), SUM(cache = 'miss'),"
	" CAST(SUM(cache = 'hit') * 1000.0 / COUNT(cache) + 0.5 AS INTEGER), SUM(time),"
	" CAST(AVG(time) AS INTEGER)," REQUEST_PERCENTILE("time", 50) ","
	REQUEST_PERCENTILE("time", 95) ", MAX(time)"
	" FROM ranked GROUP BY " KEY " ORDER BY " KEY;
/* clang-format on */

int section_stores(const struct section_context *context, struct section *section)
{
	return section_fill(context, section, columns, sql, TOTAL);
}
