/* SPDX-License-Identifier: Apache-2.0 */
/* Per lock: how often it was waited for, by how many threads, and for how long. */
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

enum { TIME = 6 }; /* of the columns */

_Static_assert(RT_WAIT_lock == 3, "a number in the query below");

/* cond_wait sleeps until it is told to go on: idle workers, not contention, but it is a wait. */
static const char sql[] =
	"SELECT COALESCE(object_name, CASE WHEN b.address THEN printf('0x%x', b.address) END),"
	" MIN(f.name), p.pid, b.address, COUNT(DISTINCT thread), SUM(calls), SUM(sum_ns),"
	" SUM(sum_ns) / SUM(calls), MAX(max_ns) FROM profile f JOIN process p ON p.id = f.process"
	" LEFT JOIN object b ON b.id = f.object WHERE f.run = ? AND wait_class = 3"
	" GROUP BY f.process, f.object, f.operation ORDER BY f.process, f.object, f.operation";

int section_locks(const struct section_context *context, struct section *section)
{
	return section_fill(context, section, columns, sql, TIME);
}
