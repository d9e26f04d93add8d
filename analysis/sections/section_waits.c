/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the wall time went: every thread's life is the time in calls that wait, by what they waited
 * for, the time on a processor, and the rest, which is unknown. The rows add up to the whole.
 */
#include <errno.h>

#include "analysis/report.h"
#include "analysis/sections/sql.h"
#include "lib/units.h"
#include "lib/words.h"

static const struct table_column columns[] = {
	{"wait", NULL, TABLE_TEXT},
	{"title", "", TABLE_TEXT},
	{"time_ns", "time", TABLE_DURATION},
	{"share", "share", TABLE_SHARE},
	{"calls", "calls", TABLE_COUNT},
	{"max_ns", "longest", TABLE_DURATION},
	{0},
};

/* One in so many parts of the unknown time is too little to be told. */
#define UNMEASURED_SHARE 50

enum { WAIT, TITLE, TIME, SHARE, CALLS, LONGEST };

static void add_row(
	struct table *table, const char *name, const char *title, int64_t time_ns, int64_t wall_ns)
{
	table_row(table);
	table_set_text(table, WAIT, name);
	table_set_text(table, TITLE, title);
	table_set(table, TIME, time_ns);
	table_set(table, SHARE, (int64_t)((double)time_ns / (double)wall_ns * 1000 + 0.5));
}

/*
 * Calls that ended, and those that had begun and not ended when the trace did: of the latter only
 * the innermost, since nothing else ended inside it.
 */
static int64_t add_waits(
	const struct section_context *context, struct table *table, int64_t wall_ns)
{
	struct query *query = model_query(context->model,
		"SELECT wait, SUM(time), SUM(calls), MAX(longest) FROM ("
		" SELECT wait_class AS wait, SUM(self_ns) AS time, SUM(calls) AS calls,"
		"  MAX(max_ns) AS longest FROM profile WHERE run = ?1 GROUP BY wait_class"
		" UNION ALL"
		" SELECT " MODEL_WAIT_CLASS ", r.end_ns - s.start_ns, 1, r.end_ns - s.start_ns"
		" FROM span s JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"
		" JOIN run r ON r.id = p.run JOIN operation o ON o.id = s.operation"
		" LEFT JOIN object b ON b.id = s.object"
		" WHERE p.run = ?1 AND s.end_ns IS NULL AND s.start_ns < r.end_ns"
		" AND NOT EXISTS (SELECT 1 FROM span c WHERE c.parent = s.id)"
		") WHERE wait <> 0 GROUP BY wait");
	int64_t waited_ns = 0;

	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		unsigned wait = (unsigned)query_int(query, 0);

		/* "unknown" itself is for what no call explains */
		if (wait == RT_WAIT_unknown)
			add_row(table, "unknown_io", "input and output, of what is not known",
				query_int(query, 1), wall_ns);
		else
			add_row(table, word_name("wait", wait), word_title("wait", wait),
				query_int(query, 1), wall_ns);
		table_set(table, CALLS, query_int(query, 2));
		table_set(table, LONGEST, query_int(query, 3));
		waited_ns += query_int(query, 1);
	}
	query_free(query);
	return waited_ns;
}

/* Is it no matter what the processes had on a processor whose use of it nobody has read in time? */
static bool is_measured(
	const struct section_context *context, struct section *section, int64_t unknown_ns)
{
	int64_t wall_ns = model_number(context->model,
		"SELECT SUM(" THREAD_WALL ") FROM thread t JOIN process p ON p.id = t.process"
		" JOIN run r ON r.id = p.run WHERE r.id = ? AND " PROCESS_CPU " IS NULL",
		context->run->id, 0);
	char space[UNITS_SIZE];

	if (wall_ns <= unknown_ns / UNMEASURED_SHARE)
		return true;
	buf_printf(&section->notes,
		"The CPU time of processes that ran for %s in all was not measured, most lived too "
		"short: it is among the unknown.\n",
		units_duration(space, wall_ns));
	return false;
}

/* Waits for a processor that only the system's totals tell of; part of them was in calls that wait
 * for something else. */
static int64_t add_queue(const struct section_context *context, struct table *table,
	int64_t rest_ns, int64_t wall_ns)
{
	int64_t queue_ns = model_number(context->model,
		"SELECT SUM(runqueue_ns) FROM thread_time WHERE run = ?1 AND NOT EXISTS"
		" (SELECT 1 FROM profile WHERE run = ?1 AND wait_class = 2)",
		context->run->id, 0);

	if (queue_ns > rest_ns)
		queue_ns = rest_ns;
	if (queue_ns > 0)
		add_row(table, "runqueue", word_title("wait", RT_WAIT_runqueue), queue_ns, wall_ns);
	return queue_ns;
}

/* What is not in a call that waits: on a processor as far as measured, else unknown. */
static void add_rest(const struct section_context *context, struct section *section,
	int64_t rest_ns, int64_t wall_ns)
{
	int64_t cpu_ns = model_number(context->model,
		"SELECT SUM(" PROCESS_CPU ") FROM process p WHERE p.run = ?", context->run->id, -1);
	int64_t on_cpu = cpu_ns < rest_ns ? cpu_ns : rest_ns, queue_ns;
	char space[UNITS_SIZE];

	if (cpu_ns < 0) {
		add_row(section->table, "unknown", "unknown (CPU time was not measured)", rest_ns,
			wall_ns);
		return;
	}
	add_row(section->table, "cpu", word_title("wait", RT_WAIT_cpu), on_cpu, wall_ns);
	rest_ns -= on_cpu;
	queue_ns = add_queue(context, section->table, rest_ns, wall_ns);
	rest_ns -= queue_ns;
	add_row(section->table, "unknown",
		is_measured(context, section, rest_ns)
			? "unknown: not on the CPU, in no call that waits"
			: "unknown: in no call that waits, on the CPU or not",
		rest_ns, wall_ns);
	if (cpu_ns > on_cpu)
		buf_printf(&section->notes,
			"The system measured %s of CPU time; the part not shown was spent inside "
			"the calls that wait.\n",
			units_duration(space, cpu_ns));
}

int section_waits(const struct section_context *context, struct section *section)
{
	int64_t wall_ns = model_number(context->model,
		"SELECT SUM(" THREAD_WALL ") FROM thread t JOIN process p ON p.id = t.process"
		" JOIN run r ON r.id = p.run WHERE r.id = ?",
		context->run->id, 0);
	int64_t waited_ns;
	char space[UNITS_SIZE];

	section->table = table_new(columns);
	section->whole = true;
	if (!section->table)
		return -ENOMEM;
	if (wall_ns <= 0)
		return 0;
	waited_ns = add_waits(context, section->table, wall_ns);
	if (waited_ns > wall_ns)
		buf_printf(&section->notes,
			"The calls that wait add up to more than the threads' wall time (%s): the "
			"start or end of some thread is not known well.\n",
			units_duration(space, wall_ns));
	add_rest(context, section, wall_ns > waited_ns ? wall_ns - waited_ns : 0, wall_ns);
	table_sort(section->table, TIME);
	add_row(section->table, "total", "all threads together", wall_ns, wall_ns);
	return 0;
}
