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

_Static_assert(RT_RUNTIME_UNKNOWN == 4, "a number in the query below");

/* By enum rt_runtime: why an interpreter's functions are not seen. */
static const char *const obstacles[] = {
	[RT_RUNTIME_UNKNOWN] = "a version that this ragtime does not know",
	[RT_RUNTIME_THREADED] = "a free-threaded build, which is not supported",
	[RT_RUNTIME_TAKEN] = "other tools hold all places for monitoring",
	[RT_RUNTIME_FAILED] = "it refused",
	[RT_RUNTIME_BUSY] = "its lock was never free",
	[RT_RUNTIME_SECOND] = "a further interpreter in its process, which is not supported",
};

static void note_runtimes(const struct section_context *context, struct section *section)
{
	struct query *query = model_query(context->model,
		"SELECT f.name, f.version, f.how, p.pid, COUNT(*) FROM runtime f"
		" JOIN process p ON p.id = f.process WHERE p.run = ?1 AND f.how >= 4"
		" GROUP BY p.id, f.how ORDER BY p.id, f.how LIMIT 5");

	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		size_t how = (size_t)query_int(query, 2);
		const char *name = query_text(query, 0), *version = query_text(query, 1);
		long long count = query_int(query, 4);

		if (how >= sizeof(obstacles) / sizeof(*obstacles))
			continue;
		buf_printf(&section->notes, "Functions of %s %s in process %lld are not seen: %s",
			name ? name : "an interpreter", version ? version : "",
			(long long)query_int(query, 3), obstacles[how]);
		if (count > 1)
			buf_printf(&section->notes, " (%lld of them)", count);
		buf_puts(&section->notes, ".\n");
	}
	query_free(query);
}

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
	note_runtimes(context, section);
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
