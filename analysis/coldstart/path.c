/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stretches of a run. The path that readiness waits for is that of the main thread of the
 * process that got ready, and before its birth that of the process it came from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/coldstart/stages.h"
#include "wire/event.h"

#define LINKS_MAX 64 /* of a chain of processes */

/* A time in which the path was in one process. */
struct link {
	int64_t process, main_thread, tid;
	int64_t start_ns, end_ns;
};

struct path {
	struct model *model;
	struct link links[LINKS_MAX]; /* the latest first */
	size_t link_count;
	struct stretch *stretches;
	size_t count, room;
	int64_t own_ns; /* from here on the program's own code runs, and not its interpreter's start
			 */
	bool failed;
};

static void add(struct path *path, struct stretch stretch)
{
	if (stretch.end_ns <= stretch.start_ns || path->failed)
		return;
	if (path->count == path->room) {
		size_t room = path->room ? path->room * 2 : 1024;
		struct stretch *more = realloc(path->stretches, room * sizeof(*more));

		if (!more) {
			path->failed = true;
			return;
		}
		path->stretches = more;
		path->room = room;
	}
	path->stretches[path->count++] = stretch;
}

static const char before_sql[] =
	"SELECT q.id FROM process p JOIN process q ON q.run = p.run AND q.id < p.id"
	" AND ((p.birth = 3 AND q.pid = p.pid) OR (p.birth <> 3 AND q.pid = p.parent_pid))"
	" WHERE p.id = ?1 AND q.start_ns <= p.start_ns ORDER BY q.id DESC LIMIT 1";

static bool read_link(struct model *model, int64_t process, struct link *link)
{
	struct query *query = model_query(model,
		"SELECT p.start_ns, t.id, t.tid FROM process p JOIN thread t ON t.process = p.id"
		" WHERE p.id = ?1 ORDER BY t.tid <> p.pid, t.id LIMIT 1");
	bool found;

	query_bind(query, 1, process);
	found = query_next(query);
	if (found)
		*link = (struct link){.process = process,
			.start_ns = query_int(query, 0),
			.main_thread = query_int(query, 1),
			.tid = query_int(query, 2)};
	query_free(query);
	return found;
}

static void follow_back(struct path *path, int64_t process, int64_t ready_ns)
{
	int64_t until = ready_ns;

	while (process && path->link_count < LINKS_MAX) {
		struct link *link = &path->links[path->link_count];

		if (!read_link(path->model, process, link))
			break;
		link->end_ns = until;
		until = link->start_ns;
		path->link_count++;
		process = model_number(path->model, before_sql, process, 0);
	}
}

/* When the call began by which a process became the image that follows it; else `otherwise`. */
static int64_t exec_began(struct path *path, const struct link *before, int64_t otherwise)
{
	struct query *query = model_query(path->model,
		"SELECT s.start_ns FROM span s JOIN operation o ON o.id = s.operation AND"
		" o.name = 'exec' WHERE s.thread = ?1 ORDER BY s.id DESC LIMIT 1");

	query_bind(query, 1, before->main_thread);
	if (query_next(query))
		otherwise = query_int(query, 0);
	query_free(query);
	return otherwise;
}

static bool is_exec_of(struct path *path, const struct link *link)
{
	return model_number(
		path->model, "SELECT birth = 3 FROM process WHERE id = ?1", link->process, 0);
}

/* When the first image of the run was there: its constructor's first record. */
static int64_t first_image_ns(struct path *path, const struct run *run)
{
	return run->start_ns +
		model_number(path->model,
			"SELECT value FROM metric WHERE run = ?1 AND name = 'startup_ns'", run->id,
			0);
}

/* What the path does where no call says anything: the images before the last one are launchers. */
static void add_underlying(struct path *path, const struct run *run)
{
	int64_t first_ns = first_image_ns(path, run);
	bool launching = false;

	for (size_t i = 0; i < path->link_count; i++) {
		const struct link *link = &path->links[i];
		int64_t exec_ns = i + 1 < path->link_count && is_exec_of(path, link)
			? exec_began(path, link + 1, link->start_ns)
			: link->start_ns;

		if (launching)
			add(path,
				(struct stretch){
					link->start_ns, link->end_ns, STAGE_launcher, UNDERLYING});
		add(path,
			(struct stretch){exec_ns, link->start_ns,
				launching ? STAGE_launcher : STAGE_exec, UNDERLYING});
		launching |= exec_ns < link->start_ns;
	}
	add(path,
		(struct stretch){run->start_ns, first_ns, launching ? STAGE_launcher : STAGE_exec,
			UNDERLYING});
	add(path,
		(struct stretch){path->link_count > 1 ? path->links[0].start_ns : first_ns,
			path->own_ns, STAGE_interpreter, UNDERLYING});
}

/*
 * A wait that no call shows, as on a std::future: the thread used less than half of a processor
 * from one look at it to the next.
 */
static void add_unseen_waits(struct path *path)
{
	struct query *query = model_query(path->model,
		"SELECT at_ns, cpu_ns + runqueue_ns FROM thread_usage WHERE thread = ?1"
		" ORDER BY at_ns");
	int64_t before_ns = path->links[0].start_ns, before_used = 0;

	query_bind(query, 1, path->links[0].main_thread);
	while (query_next(query)) {
		int64_t now = query_int(query, 0), used = query_int(query, 1);

		if ((used - before_used) * 2 < now - before_ns)
			add(path, (struct stretch){before_ns, now, STAGE_COUNT, UNDERLYING});
		before_ns = now;
		before_used = used;
	}
	query_free(query);
}

static int64_t one_time(struct path *path, const char *sql, int64_t thread)
{
	return model_number(path->model, sql, thread, 0);
}

/*
 * When an interpreter had started: at the first statement of the program, else when the modules
 * that it starts with were there, else when it opened the script.
 */
static int64_t own_code_ns(struct path *path)
{
	static const char *const signs[] = {
		"SELECT MIN(s.start_ns) FROM span s JOIN operation o ON o.id = s.operation"
		" AND o.name = '__main__.<module>' WHERE s.thread = ?1",
		"SELECT MIN(s.end_ns) FROM span s JOIN operation o ON o.id = s.operation"
		" AND o.name = 'import site' WHERE s.thread = ?1",
		"SELECT MIN(s.end_ns) FROM span s JOIN object b ON b.id = s.object"
		" JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"
		" WHERE s.thread = ?1 AND b.kind = 1 AND p.script IS NOT NULL"
		" AND (b.name = p.script OR b.name GLOB '*/' || p.script)"};
	int64_t ns = 0;

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs) && !ns; i++)
		ns = one_time(path, signs[i], path->links[0].main_thread);
	return ns;
}

/* What an interpreter does when the program's last statement is over. */
static void add_shutdown(struct path *path, int64_t ready_ns)
{
	int64_t end_ns = one_time(path,
		"SELECT MAX(s.end_ns) FROM span s JOIN operation o ON o.id = s.operation"
		" AND o.name = '__main__.<module>' WHERE s.thread = ?1",
		path->links[0].main_thread);

	if (end_ns)
		add(path, (struct stretch){end_ns, ready_ns, STAGE_shutdown, UNDERLYING});
}

static enum stretch_place place_of(const struct path *path, int64_t process, int64_t thread)
{
	for (size_t i = 0; i < path->link_count; i++) {
		if (path->links[i].main_thread == thread)
			return ON_PATH;
		if (path->links[i].process == process)
			return BESIDE;
	}
	return ELSEWHERE;
}

static bool waits_for_others(int64_t wait)
{
	return wait == RT_WAIT_lock || wait == RT_WAIT_gil || wait == RT_WAIT_network ||
		wait == RT_WAIT_poll || wait == RT_WAIT_process || wait == RT_WAIT_pipe;
}

static void add_calls(struct path *path, const struct run *run, int64_t ready_ns)
{
	struct query *query = model_query(path->model,
		"SELECT s.start_ns, s.end_ns, p.id, t.id, o.name, b.name, " MODEL_WAIT_CLASS
		" FROM span s JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"
		" JOIN operation o ON o.id = s.operation LEFT JOIN object b ON b.id = s.object"
		" WHERE p.run = ?1");

	query_bind(query, 1, run->id);
	while (query_next(query)) {
		struct stretch stretch = {
			.start_ns = query_int(query, 0),
			.end_ns = query_is_null(query, 1) ? ready_ns : query_int(query, 1),
			.place = place_of(path, query_int(query, 2), query_int(query, 3)),
		};

		if (stretch.start_ns >= ready_ns)
			continue;
		stretch.stage = stage_of_call(query_text(query, 4));
		if (stretch.stage == STAGE_imports && stretch.start_ns < path->own_ns)
			stretch.stage = STAGE_interpreter;
		if (stretch.stage == STAGE_COUNT)
			stretch.stage = stage_of_file(query_text(query, 5));
		if (stretch.stage != STAGE_COUNT ||
			(stretch.place == ON_PATH && waits_for_others(query_int(query, 6))))
			add(path, stretch);
	}
	query_free(query);
}

static void add_programs(struct path *path, const struct run *run, int64_t ready_ns)
{
	struct query *query = model_query(
		path->model, "SELECT id, start_ns, end_ns, program FROM process WHERE run = ?1");

	query_bind(query, 1, run->id);
	while (query_next(query)) {
		enum stage stage = stage_of_program(query_text(query, 3));

		if (stage != STAGE_COUNT && place_of(path, query_int(query, 0), -1) == ELSEWHERE)
			add(path,
				(struct stretch){query_int(query, 1),
					query_is_null(query, 2) ? ready_ns : query_int(query, 2),
					stage, ELSEWHERE});
	}
	query_free(query);
}

int stages_of_run(struct model *model, const struct run *run, int64_t process, int64_t ready_ns,
	int64_t ns[STAGE_COUNT], struct pieces *pieces)
{
	struct path *path = calloc(1, sizeof(*path));
	int err = -ENOMEM;

	if (!path)
		return err;
	path->model = model;
	follow_back(path, process, ready_ns);
	if (path->link_count) {
		path->own_ns = own_code_ns(path);
		add_underlying(path, run);
		add_unseen_waits(path);
		add_shutdown(path, ready_ns);
		add_calls(path, run, ready_ns);
		add_programs(path, run, ready_ns);
	}
	if (!path->failed)
		err = stages_tile(
			path->stretches, path->count, run->start_ns, ready_ns, ns, pieces);
	free(path->stretches);
	free(path);
	return err;
}
