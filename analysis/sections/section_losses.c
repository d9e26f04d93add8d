/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is missing, and why. */
#include <errno.h>

#include "analysis/report.h"
#include "lib/words.h"

static const struct table_column columns[] = {
	{"reason", NULL, TABLE_TEXT},
	{"title", "", TABLE_TEXT},
	{"count", "count", TABLE_COUNT},
	{"threads", "threads", TABLE_COUNT},
	{0},
};

enum { REASON, TITLE, LOST, THREADS };

int section_losses(const struct section_context *context, struct section *section)
{
	struct table *table = table_new(columns);
	struct query *query;

	section->table = table;
	section->whole = true;
	if (!table)
		return -ENOMEM;
	if (!context->run->reason)
		buf_puts(&section->notes,
			"The trace has no end: it is still being written, or was cut off. What "
			"came after cannot be counted.\n");
	query = model_query(context->model,
		"SELECT reason, SUM(count), COUNT(DISTINCT thread) FROM loss"
		" WHERE run = ? AND count > 0 GROUP BY reason ORDER BY reason");
	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		unsigned reason = (unsigned)query_int(query, 0);

		table_row(table);
		table_set_text(table, REASON, word_name("loss", reason));
		table_set_text(table, TITLE, word_title("loss", reason));
		table_set(table, LOST, query_int(query, 1));
		if (query_int(query, 2))
			table_set(table, THREADS, query_int(query, 2));
	}
	query_free(query);
	return 0;
}
