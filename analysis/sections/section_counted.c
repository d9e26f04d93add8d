/* SPDX-License-Identifier: Apache-2.0 */
/* Calls too small and too many to be timed one by one. */
#include <errno.h>

#include "analysis/report.h"

static const struct table_column columns[] = {
	{"name", "operation", TABLE_TEXT},
	{"calls", "calls", TABLE_COUNT},
	{"bytes", "bytes", TABLE_BYTES},
	{"threads", "threads", TABLE_COUNT},
	{0},
};

enum { NAME, CALLS, BYTES, THREADS };

int section_counted(const struct section_context *context, struct section *section)
{
	struct table *table = table_new(columns);
	struct query *query;

	section->table = table;
	section->whole = true;
	if (!table)
		return -ENOMEM;
	query = model_query(context->model,
		"SELECT o.name, SUM(c.calls), SUM(c.bytes), COUNT(*) FROM counter c"
		" JOIN operation o ON o.id = c.operation JOIN thread t ON t.id = c.thread"
		" JOIN process p ON p.id = t.process WHERE p.run = ? AND c.calls > 0"
		" GROUP BY o.id ORDER BY o.name");
	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		table_row(table);
		table_set_text(table, NAME, query_text(query, 0));
		for (unsigned column = CALLS; column <= THREADS; column++)
			table_set(table, column, query_int(query, (int)column));
	}
	query_free(query);
	table_sort(table, CALLS);
	return 0;
}
