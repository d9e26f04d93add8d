/* SPDX-License-Identifier: Apache-2.0 */
/* Per process: what it ran, how long, on how much CPU and memory, and how it ended. */
#include <errno.h>

#include "analysis/report.h"
#include "analysis/sections/sql.h"

static const struct table_column columns[] = {
	{"program", "program", TABLE_TEXT},
	{"script", NULL, TABLE_TEXT},
	{"pid", "pid", TABLE_NUMBER},
	{"parent_pid", "parent", TABLE_NUMBER},
	{"threads", "threads", TABLE_COUNT},
	{"wall_ns", "wall", TABLE_DURATION},
	{"cpu_ns", "cpu", TABLE_DURATION},
	{"max_rss_bytes", "memory", TABLE_BYTES},
	{"major_faults", "faults", TABLE_COUNT},
	{"read_bytes", NULL, TABLE_BYTES},
	{"written_bytes", NULL, TABLE_BYTES},
	{"status", "status", TABLE_NUMBER},
	{0},
};

enum { PROGRAM, SCRIPT, PID, PARENT, THREADS, WALL, CPU, MEMORY, FAULTS, READ, WRITTEN, STATUS };

static const char sql[] =
	"SELECT p.program, p.script, p.pid, p.parent_pid,"
	" (SELECT COUNT(*) FROM thread t WHERE t.process = p.id), " PROCESS_WALL ", " PROCESS_CPU
	","
	" (SELECT MAX(rss_bytes) FROM usage u WHERE u.process = p.id),"
	" (SELECT MAX(major_faults) FROM usage u WHERE u.process = p.id),"
	" (SELECT MAX(read_bytes) FROM usage u WHERE u.process = p.id),"
	" (SELECT MAX(written_bytes) FROM usage u WHERE u.process = p.id), p.status"
	" FROM process p JOIN run r ON r.id = p.run WHERE r.id = ? ORDER BY p.id";

int section_processes(const struct section_context *context, struct section *section)
{
	struct table *table = table_new(columns);
	struct query *query;

	section->table = table;
	if (!table)
		return -ENOMEM;
	query = model_query(context->model, sql);
	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		table_row(table);
		table_set_text(table, PROGRAM, query_text(query, 0));
		table_set_text(table, SCRIPT, query_text(query, 1));
		for (unsigned column = PID; column <= STATUS; column++) {
			if (!query_is_null(query, (int)column))
				table_set(table, column, query_int(query, (int)column));
		}
	}
	query_free(query);
	table_sort(table, WALL);
	return 0;
}
