/* SPDX-License-Identifier: Apache-2.0 */
/* What stands below one parent of the tree. */
#include "analysis/siblings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fold_tree.h"
#include "analysis/matches.h"
#include "analysis/story.h"
#include "lib/map.h"
#include "wire/event.h"

_Static_assert(RT_SPAN_request == 3 && RT_SPAN_process == 9 && RT_SPAN_thread == 10,
	"numbers in the queries below");

#define COLUMNS                                                          \
	"s.id, s.operation, s.object, s.start_ns, s.end_ns, s.evidence," \
	" s.status, EXISTS (SELECT 1 FROM span c WHERE c.parent = s.id), s.kind"

/* Roots of processes and threads have lines of their own. Ids go up as calls end: within one start
 * the later is the outer one, which cannot be a sibling. */
static const char below_sql[] = "SELECT " COLUMNS " FROM span s WHERE s.parent = ?1"
				" AND s.kind NOT IN (9, 10) ORDER BY s.start_ns, s.id";
static const char thread_sql[] =
	"SELECT " COLUMNS " FROM span s WHERE s.thread = ?1 AND s.kind NOT IN (9, 10)"
	" AND (s.parent IS NULL OR s.parent = ?2"
	"  OR NOT EXISTS (SELECT 1 FROM span o WHERE o.id = s.parent))"
	" ORDER BY s.start_ns, s.id";

struct siblings_source {
	struct model *model;
	const struct run *run;
	const struct tree_options *options;
	struct fold_tree *folds;
	struct matches *matches; /* NULL: all calls */
	struct query *operation, *object, *under;
	struct story *story;
	struct map carried; /* connections that carried exchanges */
	struct call_name name;
};

/* What passed over them is told by the exchanges. */
static int find_carried(struct siblings_source *source)
{
	struct query *query = model_query(source->model,
		"SELECT DISTINCT object FROM span WHERE kind = 3 AND object IS NOT NULL");
	int err = 0;

	while (!err && query_next(query))
		err = map_at(&source->carried, (uint64_t)query_int(query, 0)) ? 0 : -ENOMEM;
	query_free(query);
	return err;
}

static bool is_carrier(const struct siblings_source *source, int64_t object)
{
	return object && map_find(&source->carried, (uint64_t)object);
}

struct siblings_source *siblings_source_new(
	struct model *model, const struct run *run, const struct tree_options *options)
{
	struct siblings_source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	source->model = model;
	source->run = run;
	source->options = options;
	source->folds = fold_tree_new(model, run->id);
	source->operation =
		model_query(model, "SELECT name, module, class FROM operation WHERE id = ?");
	source->under = model_query(model, "SELECT name FROM operation WHERE id = ?");
	source->object = model_query(model, "SELECT name, kind FROM object WHERE id = ?");
	source->story = story_new(model);
	if (!options->io && !options->grep && find_carried(source)) {
		siblings_source_free(source);
		return NULL;
	}
	if (source->folds && options->grep)
		source->matches = matches_new(model, run->id, source->folds, options->grep);
	if (!source->folds || !source->story || (options->grep && !source->matches)) {
		siblings_source_free(source);
		return NULL;
	}
	return source;
}

void siblings_source_free(struct siblings_source *source)
{
	if (!source)
		return;
	matches_free(source->matches);
	fold_tree_free(source->folds);
	story_free(source->story);
	map_free(&source->carried);
	query_free(source->operation);
	query_free(source->object);
	query_free(source->under);
	free(source);
}

void siblings_free(struct siblings *siblings)
{
	free(siblings->groups);
	*siblings = (struct siblings){0};
}

static int compare_sums(const void *left, const void *right)
{
	const struct group *a = left, *b = right;

	if (a->sum_ns != b->sum_ns)
		return a->sum_ns > b->sum_ns ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int compare_starts(const void *left, const void *right)
{
	const struct group *a = left, *b = right;

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void leave_out(struct siblings *siblings, const struct group *group)
{
	siblings->more_count += group->count;
	siblings->more_ns += group->sum_ns;
}

/* Keeps the longest `top` ones. */
static void shorten(struct siblings *siblings, size_t top)
{
	if (!top || siblings->count <= top)
		return;
	qsort(siblings->groups, siblings->count, sizeof(*siblings->groups), compare_sums);
	while (siblings->count > top)
		leave_out(siblings, &siblings->groups[--siblings->count]);
}

static int add_group(
	struct siblings_source *source, struct siblings *siblings, const struct group *group)
{
	size_t top = (size_t)source->options->top;

	if (group->sum_ns < source->options->min_ns) {
		leave_out(siblings, group);
		return 0;
	}
	if (siblings->count == siblings->capacity && top && siblings->count >= 2 * top)
		shorten(siblings, top);
	if (siblings->count == siblings->capacity) {
		size_t capacity = siblings->capacity ? siblings->capacity * 2 : 16;
		struct group *groups = realloc(siblings->groups, capacity * sizeof(*groups));

		if (!groups)
			return -ENOMEM;
		siblings->groups = groups;
		siblings->capacity = capacity;
	}
	siblings->groups[siblings->count++] = *group;
	return 0;
}

static struct group read_span(struct siblings_source *source, const struct query *query)
{
	struct group group = {
		.id = query_int(query, 0),
		.operation = query_int(query, 1),
		.object = query_int(query, 2),
		.start_ns = query_int(query, 3),
		.evidence = (int)query_int(query, 5),
		.status = query_is_null(query, 6) ? -1 : (int)query_int(query, 6),
		.count = 1,
		.unfinished = query_is_null(query, 4),
		.has_children = query_int(query, 7) != 0,
		.is_exchange = query_int(query, 8) == RT_SPAN_request,
	};
	int64_t end_ns = group.unfinished ? source->run->end_ns : query_int(query, 4);
	size_t folds;

	fold_tree_at(source->folds, FOLD_BELOW_SPAN, group.id, &folds);
	group.has_children |= folds > 0;
	group.sum_ns = end_ns > group.start_ns ? end_ns - group.start_ns : 0;
	group.min_ns = group.max_ns = group.sum_ns;
	group.errors = group.status > 0;
	return group;
}

static bool joins(const struct group *last, const struct group *next)
{
	return last->count && !next->is_exchange && last->operation == next->operation &&
		last->object == next->object && last->status == next->status &&
		last->evidence == next->evidence && !last->unfinished && !next->unfinished &&
		!last->has_children && !next->has_children && last->matched == next->matched;
}

static void join(struct group *last, const struct group *next)
{
	last->sum_ns += next->sum_ns;
	last->count += next->count;
	last->errors += next->errors;
	if (next->min_ns < last->min_ns)
		last->min_ns = next->min_ns;
	if (next->max_ns > last->max_ns)
		last->max_ns = next->max_ns;
}

static int read_spans(
	struct siblings_source *source, const struct parent *parent, struct siblings *siblings)
{
	struct query *query =
		model_query(source->model, parent->is_thread ? thread_sql : below_sql);
	struct group last = {0};
	int err = 0;

	query_bind(query, 1, parent->is_thread ? parent->thread : parent->span);
	if (parent->is_thread)
		query_bind(query, 2, parent->span);
	while (!err && query_next(query)) {
		struct group next = read_span(source, query);
		enum match match = matches_span(source->matches, next.id);

		if (!next.is_exchange && is_carrier(source, next.object))
			continue;
		next.matched = parent->matched || match == MATCH_ITSELF;
		if (!next.matched && match == MATCH_NONE)
			continue;
		if (joins(&last, &next)) {
			join(&last, &next);
			continue;
		}
		err = last.count ? add_group(source, siblings, &last) : 0;
		last = next;
	}
	if (!err && last.count)
		err = add_group(source, siblings, &last);
	query_free(query);
	return err;
}

static int read_folds(
	struct siblings_source *source, const struct parent *parent, struct siblings *siblings)
{
	enum fold_place place = parent->is_thread ? FOLD_BELOW_THREAD
		: parent->fold			  ? FOLD_BELOW_FOLD
						  : FOLD_BELOW_SPAN;
	int64_t id = parent->is_thread ? parent->thread
		: parent->fold	       ? parent->fold
				       : parent->span;
	size_t count, below;
	const struct fold_node *nodes = fold_tree_at(source->folds, place, id, &count);
	int err = 0;

	for (size_t i = 0; i < count && !err; i++) {
		enum match match = matches_fold(source->matches, nodes[i].id);
		struct group group = {
			.is_fold = true,
			.id = nodes[i].id,
			.operation = nodes[i].operation,
			.object = nodes[i].object,
			.under = nodes[i].under,
			.start_ns = nodes[i].first_ns,
			.sum_ns = nodes[i].sum_ns,
			.min_ns = nodes[i].min_ns,
			.max_ns = nodes[i].max_ns,
			.count = nodes[i].folded,
			.evidence = RT_EVIDENCE_exact,
			.status = -1,
			.matched = parent->matched || match == MATCH_ITSELF,
		};

		if ((!group.matched && match == MATCH_NONE) || is_carrier(source, group.object))
			continue;
		fold_tree_at(source->folds, FOLD_BELOW_FOLD, nodes[i].id, &below);
		group.has_children = below > 0;
		err = add_group(source, siblings, &group);
	}
	return err;
}

int siblings_read(
	struct siblings_source *source, const struct parent *parent, struct siblings *siblings)
{
	struct parent root = {.span = parent->span};
	int err = 0;

	if (!parent->fold)
		err = read_spans(source, parent, siblings);
	if (!err)
		err = read_folds(source, parent, siblings);
	/* a thread's root is a span too */
	if (!err && parent->is_thread && parent->span) {
		root.matched = parent->matched;
		err = read_folds(source, &root, siblings);
	}
	if (err)
		return err;
	shorten(siblings, (size_t)source->options->top);
	qsort(siblings->groups, siblings->count, sizeof(*siblings->groups), compare_starts);
	return 0;
}

bool siblings_any(struct siblings_source *source, int64_t thread)
{
	if (source->matches)
		return matches_thread(source->matches, thread);
	return model_number(source->model,
		       "SELECT EXISTS (SELECT 1 FROM span WHERE thread = ?1"
		       " AND kind NOT IN (9, 10)) OR EXISTS (SELECT 1 FROM fold WHERE thread = ?1)",
		       thread, 0) != 0;
}

const struct call_name *siblings_name(struct siblings_source *source, const struct group *group)
{
	struct call_name *name = &source->name;

	*name = (struct call_name){.name = "?"};
	query_bind(source->operation, 1, group->operation);
	if (query_next(source->operation)) {
		name->name = query_text(source->operation, 0);
		name->module = query_text(source->operation, 1);
		name->class = (unsigned)query_int(source->operation, 2);
	}
	query_bind(source->object, 1, group->object);
	if (group->object && query_next(source->object)) {
		name->object = query_text(source->object, 0);
		name->object_kind = (unsigned)query_int(source->object, 1);
	}
	if (group->is_exchange)
		name->story = story_of(source->story, group->id, name->class);
	query_bind(source->under, 1, group->under);
	if (group->under && query_next(source->under))
		name->under = query_text(source->under, 0);
	return name;
}
