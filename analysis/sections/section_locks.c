/* SPDX-License-Identifier: Apache-2.0 */
/* Per lock: how often it was waited for, by how many threads, and for how long. */
#include <errno.h>
#include <stdio.h>

#include "analysis/report.h"
#include "wire/event.h"

static const struct table_column columns[] = {
	{"lock", "lock", TABLE_TEXT},
	{"operation", "waited in", TABLE_TEXT},
	{"pid", "pid", TABLE_NUMBER},
	{"address", NULL, TABLE_NUMBER},
	{"threads", "threads", TABLE_COUNT},
	{"waits", "waits", TABLE_COUNT},
	{"time_ns", "time", TABLE_DURATION},
	{"avg_ns", "avg", TABLE_DURATION},
	{"max_ns", "longest", TABLE_DURATION},
	{0},
};

enum { LOCK, OPERATION, PID, ADDRESS, THREADS, WAITS, TIME, AVG, LONGEST };

_Static_assert(RT_WAIT_lock == 3, "a number in the query below");

/* cond_wait sleeps until it is told to go on: idle workers, not contention, but it is a wait. */
static const char sql[] =
	"SELECT object_name, MIN(f.name), p.pid, b.address, COUNT(DISTINCT thread), SUM(calls),"
	" SUM(sum_ns), MAX(max_ns) FROM profile f JOIN process p ON p.id = f.process"
	" LEFT JOIN object b ON b.id = f.object WHERE f.run = ? AND wait_class = 3"
	" GROUP BY f.process, f.object, f.operation ORDER BY f.process, f.object, f.operation";

int section_locks(const struct section_context *context, struct section *section)
{
	struct table *table = table_new(columns);
	struct query *query;
	char space[32];

	section->table = table;
	if (!table)
		return -ENOMEM;
	query = model_query(context->model, sql);
	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		const char *name = query_text(query, 0);

		snprintf(space, sizeof(space), "0x%llx", (unsigned long long)query_int(query, 3));
		table_row(table);
		table_set_text(table, LOCK,
			name && *name			  ? name
				: query_is_null(query, 3) ? "-"
							  : space);
		table_set_text(table, OPERATION, query_text(query, 1));
		table_set(table, PID, query_int(query, 2));
		if (!query_is_null(query, 3))
			table_set(table, ADDRESS, query_int(query, 3));
		table_set(table, THREADS, query_int(query, 4));
		table_set(table, WAITS, query_int(query, 5));
		table_set(table, TIME, query_int(query, 6));
		if (query_int(query, 5))
			table_set(table, AVG, query_int(query, 6) / query_int(query, 5));
		table_set(table, LONGEST, query_int(query, 7));
	}
	query_free(query);
	table_sort(table, TIME);
	return 0;
}
