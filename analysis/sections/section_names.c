/* SPDX-License-Identifier: Apache-2.0 */
/* Per host name: lookups, failures, time. */
#include <errno.h>

#include "analysis/report.h"
#include "wire/event.h"

static const struct table_column columns[] = {
	{"host", "name", TABLE_TEXT},
	{"lookups", "lookups", TABLE_COUNT},
	{"errors", "failed", TABLE_COUNT},
	{"time_ns", "time", TABLE_DURATION},
	{"max_ns", "longest", TABLE_DURATION},
	{0},
};

enum { HOST, LOOKUPS, ERRORS, TIME, LONGEST };

_Static_assert(RT_FAMILY_dns == 4, "a number in the query below");

int section_names(const struct section_context *context, struct section *section)
{
	struct table *table = table_new(columns);
	struct query *query;

	section->table = table;
	if (!table)
		return -ENOMEM;
	query = model_query(context->model,
		"SELECT COALESCE(object_name, 'unknown'), SUM(calls), SUM(errors), SUM(sum_ns),"
		" MAX(max_ns) FROM profile WHERE run = ? AND family = 4"
		" GROUP BY object_name ORDER BY 1");
	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		table_row(table);
		table_set_text(table, HOST, query_text(query, 0));
		for (unsigned column = LOOKUPS; column <= LONGEST; column++)
			table_set(table, column, query_int(query, (int)column));
	}
	query_free(query);
	table_sort(table, TIME);
	return 0;
}
