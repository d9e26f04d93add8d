/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over a run's calls. What stands below one parent is gathered by siblings.c. */
#include "analysis/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/siblings.h"
#include "lib/words.h"

/* Deeper than any hooked stack; a damaged database may go in circles. */
#define DEPTH_MAX 512

struct walk {
	struct model *model;
	const struct run *run;
	const struct tree_options *options;
	const struct tree_sink *sink;
	struct siblings_source *source;
	struct tree_line process, thread; /* walked now */
	bool process_open;
};

static void put_group(struct walk *walk, const struct group *group, struct tree_line *line)
{
	const struct call_name *name = siblings_name(walk->source, group);

	*line = (struct tree_line){
		.kind = group->is_fold ? TREE_FOLDED : TREE_CALL,
		.id = group->id,
		.name = name->name,
		.module = name->is_runtime ? NULL : name->module,
		.is_runtime = name->is_runtime,
		.object = name->object,
		.under = name->under,
		.story = name->story,
		.class = name->story ? word_name("class", name->class) : NULL,
		.object_kind = name->object ? word_name("object", name->object_kind) : NULL,
		.object_is_next = name->is_next,
		.pid = walk->thread.pid,
		.tid = walk->thread.tid,
		.start_ns = group->start_ns,
		.duration_ns = group->sum_ns,
		.active_ns = group->active_ns,
		.min_ns = group->min_ns,
		.max_ns = group->max_ns,
		.count = group->count,
		.errors = group->errors,
		.wall_ns = walk->thread.duration_ns,
		.evidence = group->evidence,
		.status = group->status,
		.has_status = group->status >= 0,
		.unfinished = group->unfinished,
	};
}

static int walk_below(struct walk *walk, const struct parent *parent, int64_t depth);

static int walk_group(struct walk *walk, const struct group *group, int64_t depth, bool last)
{
	struct tree_line line;
	int err = 0;

	put_group(walk, group, &line);
	line.last = last;
	walk->sink->open(walk->sink->context, &line);
	if (group->has_children && depth < DEPTH_MAX &&
		(!walk->options->depth || depth < walk->options->depth)) {
		struct parent parent = {
			.spans = group->ids,
			.span_count = group->id_count,
			.fold = group->is_fold ? group->id : 0,
			.thread = walk->thread.id,
			.matched = group->matched,
		};

		err = walk_below(walk, &parent, depth + 1);
	}
	walk->sink->close(walk->sink->context, &line);
	return err;
}

static void put_more(struct walk *walk, const struct siblings *siblings)
{
	struct tree_line line = {
		.kind = TREE_MORE,
		.pid = walk->thread.pid,
		.tid = walk->thread.tid,
		.count = siblings->more_count,
		.duration_ns = siblings->more_ns,
		.wall_ns = walk->thread.duration_ns,
		.evidence = -1,
		.last = true,
	};

	walk->sink->open(walk->sink->context, &line);
	walk->sink->close(walk->sink->context, &line);
}

static int walk_below(struct walk *walk, const struct parent *parent, int64_t depth)
{
	struct siblings siblings = {0};
	int err = siblings_read(walk->source, parent, &siblings);

	for (size_t i = 0; i < siblings.count && !err; i++)
		err = walk_group(walk, &siblings.groups[i], depth,
			i + 1 == siblings.count && !siblings.more_count);
	if (!err && siblings.more_count)
		put_more(walk, &siblings);
	siblings_free(&siblings);
	return err;
}

static int walk_thread(struct walk *walk, const struct tree_line *line, int64_t span)
{
	struct parent parent = {
		.spans = &span, .span_count = 1, .thread = line->id, .is_thread = true};
	int err;

	if (!siblings_any(walk->source, line->id))
		return 0;
	walk->thread = *line;
	if (!walk->process_open)
		walk->sink->open(walk->sink->context, &walk->process);
	walk->process_open = true;
	walk->sink->open(walk->sink->context, line);
	err = walk_below(walk, &parent, 1);
	walk->sink->close(walk->sink->context, line);
	return err;
}

/* The longest-lived threads first among those that the limits let through, then by start. */
static const char threads_sql[] =
	"SELECT * FROM (SELECT t.id, t.tid, t.name, t.span,"
	" " MODEL_THREAD_START " AS began, MAX(0, " MODEL_THREAD_END " - " MODEL_THREAD_START
	") AS wall"
	" FROM thread t JOIN process p ON p.id = t.process JOIN run r ON r.id = p.run"
	" WHERE p.id = ?1 AND (?2 = 0 OR t.tid = ?2)"
	" ORDER BY wall DESC, t.id LIMIT ?3) ORDER BY began, id";

static int walk_threads(struct walk *walk)
{
	const struct tree_line *process = &walk->process;
	struct query *query = model_query(walk->model, threads_sql);
	int64_t limit = walk->options->top ? walk->options->top : -1;
	int64_t count = model_number(
		walk->model, "SELECT COUNT(*) FROM thread WHERE process = ?", process->id, 0);
	int err = 0;

	query_bind(query, 1, process->id);
	query_bind(query, 2, walk->options->tid);
	query_bind(query, 3, limit);
	while (!err && query_next(query)) {
		struct tree_line line = {
			.kind = TREE_THREAD,
			.id = query_int(query, 0),
			.pid = process->pid,
			.tid = query_int(query, 1),
			.name = query_text(query, 2),
			.start_ns = query_int(query, 4),
			.duration_ns = query_int(query, 5),
			.count = 1,
			.evidence = -1,
			.status = -1,
		};

		err = walk_thread(walk, &line, query_int(query, 3));
	}
	query_free(query);
	if (!err && limit > 0 && count > limit && !walk->options->tid && walk->process_open) {
		struct tree_line more = {.kind = TREE_MORE,
			.name = "threads",
			.count = count - limit,
			.evidence = -1,
			.last = true};

		walk->sink->open(walk->sink->context, &more);
		walk->sink->close(walk->sink->context, &more);
	}
	return err;
}

static int walk_processes(struct walk *walk)
{
	struct query *query = model_query(walk->model,
		"SELECT p.id, p.pid, COALESCE(p.script, p.program), p.program,"
		" COALESCE(p.start_ns, r.start_ns),"
		" MAX(0, COALESCE(p.end_ns, r.end_ns) - COALESCE(p.start_ns, r.start_ns)), p.status"
		" FROM process p JOIN run r ON r.id = p.run"
		" WHERE r.id = ?1 AND (?2 = 0 OR p.pid = ?2)"
		" AND (?3 = 0 OR EXISTS (SELECT 1 FROM thread WHERE process = p.id AND tid = ?3))"
		" ORDER BY p.start_ns, p.id");
	int err = 0;

	query_bind(query, 1, walk->run->id);
	query_bind(query, 2, walk->options->pid);
	query_bind(query, 3, walk->options->tid);
	while (!err && query_next(query)) {
		walk->process_open = false;
		walk->process = (struct tree_line){
			.kind = TREE_PROCESS,
			.id = query_int(query, 0),
			.pid = query_int(query, 1),
			.name = query_text(query, 2),
			.module = query_text(query, 3),
			.start_ns = query_int(query, 4),
			.duration_ns = query_int(query, 5),
			.count = 1,
			.evidence = -1,
			.status = (int)query_int(query, 6),
			.has_status = !query_is_null(query, 6),
		};

		err = walk_threads(walk);
		if (walk->process_open)
			walk->sink->close(walk->sink->context, &walk->process);
	}
	query_free(query);
	return err;
}

int tree_walk(struct model *model, const struct run *run, const struct tree_options *options,
	const struct tree_sink *sink)
{
	struct walk walk = {.model = model, .run = run, .options = options, .sink = sink};
	int err;

	walk.source = siblings_source_new(model, run, options);
	if (!walk.source)
		return -ENOMEM;
	err = walk_processes(&walk);
	siblings_source_free(walk.source);
	return err;
}
