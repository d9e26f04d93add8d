/* SPDX-License-Identifier: Apache-2.0 */
/* Per thread: its life, and how much of it went to which kind of wait. */
#include "analysis/report.h"
#include "analysis/sections/sql.h"
#include "wire/event.h"

static const struct table_column columns[] = {
	{"name", NULL, TABLE_TEXT},
	{NULL, "thread", TABLE_TEXT},
	{"pid", "pid", TABLE_NUMBER},
	{"tid", "tid", TABLE_NUMBER},
	{"wall_ns", "wall", TABLE_DURATION},
	{"cpu_ns", "cpu", TABLE_DURATION},
	{"runqueue_ns", NULL, TABLE_DURATION},
	{"network_ns", "network", TABLE_DURATION},
	{"disk_ns", "disk", TABLE_DURATION},
	{"lock_ns", "locks", TABLE_DURATION},
	{"poll_ns", "events", TABLE_DURATION},
	{"sleep_ns", "sleep", TABLE_DURATION},
	{"process_ns", NULL, TABLE_DURATION},
	{"other_wait_ns", "other", TABLE_DURATION},
	{"calls", "calls", TABLE_COUNT},
	{0},
};

enum { WALL = 4 }; /* of the columns */

#define WAITED(classes) " SUM(CASE WHEN wait_class IN (" classes ") THEN self_ns ELSE 0 END)"

_Static_assert(RT_WAIT_lock == 3 && RT_WAIT_gil == 4 && RT_WAIT_disk == 5 && RT_WAIT_dns == 7 &&
		RT_WAIT_connect == 8 && RT_WAIT_tls == 9 && RT_WAIT_network == 10 &&
		RT_WAIT_poll == 11 && RT_WAIT_sleep == 12 && RT_WAIT_process == 13,
	"numbers in the query below");

/* Where the system does not say it of the thread, it is known of one that is its process's only
 * one. */
/* clang-format off */
static const char sql[] =
	"SELECT t.name,"
	" CASE WHEN t.name IS NULL AND t.tid = p.pid THEN 'main' ELSE t.name END, p.pid, t.tid, " THREAD_WALL ","
	" COALESCE(e.cpu_ns, CASE WHEN (SELECT COUNT(*) FROM thread o WHERE o.process = p.id) = 1 THEN " PROCESS_CPU
	" END), e.runqueue_ns, COALESCE(network, 0), COALESCE(disk, 0), COALESCE(locks, 0), COALESCE(poll, 0),"
	" COALESCE(sleep, 0), COALESCE(child, 0), COALESCE(other, 0), t.calls"
	" FROM thread t JOIN process p ON p.id = t.process JOIN run r ON r.id = p.run"
	" LEFT JOIN (SELECT thread AS of_thread,"
	WAITED("7, 8, 9, 10") " AS network,"
	WAITED("5") " AS disk,"
	WAITED("3, 4") " AS locks,"
	WAITED("11") " AS poll,"
	WAITED("12") " AS sleep,"
	WAITED("13") " AS child,"
	WAITED("2, 6, 14, 15, 16") " AS other"
	"  FROM profile GROUP BY thread) ON of_thread = t.id"
	" LEFT JOIN thread_time e ON e.thread = t.id"
	" WHERE r.id = ? ORDER BY t.id";
/* clang-format on */

int section_threads(const struct section_context *context, struct section *section)
{
	return section_fill(context, section, columns, sql, WALL);
}
