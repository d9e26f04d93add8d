/* SPDX-License-Identifier: Apache-2.0 */
/* Per process: what it ran, how long, on how much CPU and memory, and how it ended. */
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

enum { WALL = 5 }; /* of the columns */

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
	return section_fill(context, section, columns, sql, WALL);
}
