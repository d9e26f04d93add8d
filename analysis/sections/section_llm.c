/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of language and embedding models, by provider, model and operation. Sums are of the calls
 * that told the figure; a note says how many did not.
 */
#include "analysis/report.h"
#include "analysis/sections/requests.h"
#include "lib/units.h"

static const struct table_column columns[] = {
	{"provider", "provider", TABLE_TEXT},
	{"model", "model", TABLE_TEXT},
	{"operation", "operation", TABLE_TEXT},
	{"calls", "calls", TABLE_COUNT},
	{"failed", "failed", TABLE_COUNT},
	{"input_tokens", "tokens in", TABLE_COUNT},
	{"output_tokens", "out", TABLE_COUNT},
	{"cached_input_tokens", "cached", TABLE_COUNT},
	{"first_token_p50_ns", "first token", TABLE_DURATION},
	{"first_token_p95_ns", "p95", TABLE_DURATION},
	{"gap_max_ns", "longest gap", TABLE_DURATION},
	{"tokens_per_s", "tokens/s", TABLE_COUNT},
	{"cost_usd", "cost", TABLE_DOLLARS},
	{"total_ns", "time", TABLE_DURATION},
	{"calls_without_usage", NULL, TABLE_COUNT},
	{"calls_estimated", NULL, TABLE_COUNT},
	{"estimated_output_tokens", NULL, TABLE_COUNT},
	{"calls_without_cost", NULL, TABLE_COUNT},
	{0},
};

enum {
	PROVIDER,
	MODEL,
	OPERATION,
	CALLS,
	FAILED,
	INPUT,
	OUTPUT,
	CACHED,
	FIRST_P50,
	FIRST_P95,
	GAP,
	RATE,
	COST,
	TOTAL
};

#define KEY "provider, model, operation"

/* Between the first token and the last one, where both are known and apart: all but the first. */
#define STREAMED "CASE WHEN output > 1 AND last_token > first_token THEN "

/* clang-format off */
#define CALLS_OF_MODELS                                                                 \
	REQUESTS_WITH(                                                                  \
		REQUEST_FACT("gen_ai.operation.name", "operation")                      \
		REQUEST_FACT("gen_ai.provider.name", "provider")                        \
		REQUEST_FACT("gen_ai.request.model", "asked")                           \
		REQUEST_FACT("gen_ai.response.model", "answered")                       \
		REQUEST_FACT("gen_ai.usage.input_tokens", "input")                      \
		REQUEST_FACT("gen_ai.usage.output_tokens", "told")                      \
		REQUEST_FACT("gen_ai.usage.cache_read.input_tokens", "cached")          \
		REQUEST_FACT("ragtime.first_token_ns", "first_token")                   \
		REQUEST_FACT("ragtime.last_token_ns", "last_token")                     \
		REQUEST_FACT("ragtime.gap_max_ns", "gap")                               \
		REQUEST_FACT("ragtime.tokens_estimated", "estimated")                   \
		REQUEST_FACT("ragtime.cost_usd", "cost"))                               \
	", call AS (SELECT *, COALESCE(asked, answered) AS model,"                      \
	" CASE WHEN estimated IS NULL THEN told END AS output,"                         \
	" CASE WHEN estimated IS NOT NULL THEN told END AS guess"                       \
	" FROM request WHERE operation IS NOT NULL)"

static const char sql[] =
	CALLS_OF_MODELS
	", ranked AS (SELECT *" REQUEST_RANKS("first_token", KEY) " FROM call)"
	" SELECT provider, model, operation, COUNT(*), SUM(status <> 0), SUM(input), SUM(output),"
	" SUM(cached)," REQUEST_PERCENTILE("first_token", 50) ","
	REQUEST_PERCENTILE("first_token", 95) ", MAX(gap),"
	" CAST(SUM(" STREAMED "output - 1 END) * 1e9"
	" / SUM(" STREAMED "last_token - first_token END) + 0.5 AS INTEGER),"
	" CAST(SUM(cost) * 1e9 + 0.5 AS INTEGER), SUM(time),"
	" SUM(status = 0 AND input IS NULL AND output IS NULL), COUNT(estimated), SUM(guess),"
	" SUM(status = 0 AND cost IS NULL)"
	" FROM ranked GROUP BY " KEY " ORDER BY " KEY;

static const char doubts_sql[] =
	CALLS_OF_MODELS
	" SELECT SUM(status = 0 AND input IS NULL AND output IS NULL), COUNT(estimated), SUM(guess),"
	" SUM(status = 0 AND cost IS NULL), COUNT(cost) FROM call";
/* clang-format on */

static void put_estimated(struct section *section, int64_t calls, int64_t tokens)
{
	char space[UNITS_SIZE], more[UNITS_SIZE];

	buf_printf(&section->notes,
		"The tokens out of %s calls are estimated: ~%s, which the sums are without.\n",
		units_count(space, calls), units_count(more, tokens));
}

/* How many calls the sums leave out. */
static void put_doubts(const struct section_context *context, struct section *section)
{
	struct query *query = model_query(context->model, doubts_sql);
	char space[UNITS_SIZE];

	query_bind(query, 1, context->run->id);
	if (query_next(query)) {
		if (query_int(query, 0))
			buf_printf(&section->notes,
				"%s successful calls told no token counts: the sums are without them.\n",
				units_count(space, query_int(query, 0)));
		if (query_int(query, 1))
			put_estimated(section, query_int(query, 1), query_int(query, 2));
		if (query_int(query, 3) && query_int(query, 4))
			buf_printf(&section->notes,
				"The cost of %s calls is unknown: the sums are without them.\n",
				units_count(space, query_int(query, 3)));
	}
	query_free(query);
}

int section_llm(const struct section_context *context, struct section *section)
{
	int err = section_fill(context, section, columns, sql, TOTAL);

	if (!err && table_rows(section->table))
		put_doubts(context, section);
	return err;
}
