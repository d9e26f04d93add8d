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

_Static_assert(RT_SPAN_process == 9 && RT_SPAN_thread == 10, "numbers in the queries below");

_Static_assert(RT_SPAN_request == 3, "a number in the queries below");
_Static_assert(RT_SPAN_call == 1 && RT_SPAN_task == 4 && RT_SPAN_root == 11, "likewise");
_Static_assert(RT_WAIT_poll == 11 && RT_OBJECT_socket == 2, "numbers in the queries below");

#define COLUMNS                                                                       \
	"s.id, s.operation, s.object, s.start_ns, s.end_ns, s.evidence, s.status,"    \
	" EXISTS (SELECT 1 FROM span c WHERE c.parent = s.id AND c.operation >= 32)," \
	" EXISTS (SELECT 1 FROM operation WHERE id = s.operation AND wait = 11),"     \
	" EXISTS (SELECT 1 FROM object WHERE id = s.object AND kind = 2), s.kind,"    \
	" CASE WHEN s.kind IN (1, 4, 11) THEN (SELECT value FROM attribute"           \
	"  WHERE span = s.id AND key = 'ragtime.active_ns') END"

/* Roots of processes and threads have lines of their own. Ids go up as calls end: within one start
 * the later is the outer one, which cannot be a sibling. */
static const char below_sql[] =
	"SELECT " COLUMNS " FROM span s WHERE s.parent = ?1"
	" AND s.kind NOT IN (9, 10) AND s.operation >= 32 ORDER BY s.start_ns, s.id";
static const char thread_sql[] =
	"SELECT " COLUMNS
	" FROM span s WHERE s.thread = ?1 AND s.kind NOT IN (9, 10) AND s.operation >= 32"
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
	bool filtered = options->grep || options->requests;

	if (!source)
		return NULL;
	source->model = model;
	source->run = run;
	source->options = options;
	source->folds = fold_tree_new(model, run->id);
	source->operation = model_query(
		model, "SELECT name, module, class, family FROM operation WHERE id = ?");
	source->under = model_query(model, "SELECT name FROM operation WHERE id = ?");
	source->object = model_query(model, "SELECT name, kind FROM object WHERE id = ?");
	source->story = story_new(model);
	if (!options->io && !options->grep && find_carried(source)) {
		siblings_source_free(source);
		return NULL;
	}
	if (source->folds && filtered)
		source->matches = matches_new(
			model, run->id, source->folds, options->grep, options->requests);
	if (!source->folds || !source->story || (filtered && !source->matches)) {
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
	for (size_t i = 0; i < siblings->count; i++)
		free(siblings->groups[i].ids);
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

static void leave_out(struct siblings *siblings, struct group *group)
{
	siblings->more_count += group->count;
	siblings->more_ns += group->sum_ns;
	free(group->ids);
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

/* Keeps group->ids, or frees them. */
static int add_group(struct siblings_source *source, struct siblings *siblings, struct group *group)
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

		if (!groups) {
			free(group->ids);
			return -ENOMEM;
		}
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
		.is_poll = query_int(query, 8) != 0,
		.is_exchange = query_int(query, 10) == RT_SPAN_request,
	};
	int64_t end_ns = group.unfinished ? source->run->end_ns : query_int(query, 4);
	size_t folds;

	fold_tree_at(source->folds, FOLD_BELOW_SPAN, group.id, &folds);
	group.has_children |= folds > 0;
	group.sum_ns = end_ns > group.start_ns ? end_ns - group.start_ns : 0;
	group.min_ns = group.max_ns = group.sum_ns;
	group.errors = group.status > 0;
	group.active_ns = query_is_null(query, 11) ? group.sum_ns : query_int(query, 11);
	return group;
}

/* What a group is about: its object, or the one that it waited for. */
static int64_t topic(const struct group *group)
{
	return group->object ? group->object : group->next;
}

static bool joins(const struct group *last, const struct group *next)
{
	/* of functions each call may differ inside; calls on one connection or file do not */
	bool inside = last->has_children || next->has_children;

	return !next->is_exchange && last->operation == next->operation &&
		last->object == next->object && last->next == next->next &&
		last->status == next->status && last->evidence == next->evidence &&
		last->matched == next->matched && !last->unfinished && !next->unfinished &&
		(!inside || next->object);
}

static int keep_id(struct group *group, int64_t id)
{
	if (group->id_count == group->id_capacity) {
		size_t capacity = group->id_capacity ? group->id_capacity * 2 : 1;
		int64_t *ids = realloc(group->ids, capacity * sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		group->ids = ids;
		group->id_capacity = capacity;
	}
	group->ids[group->id_count++] = id;
	return 0;
}

static int join(struct group *last, const struct group *next)
{
	last->sum_ns += next->sum_ns;
	last->active_ns += next->active_ns;
	last->count += next->count;
	last->errors += next->errors;
	last->has_children |= next->has_children;
	if (next->min_ns < last->min_ns)
		last->min_ns = next->min_ns;
	if (next->max_ns > last->max_ns)
		last->max_ns = next->max_ns;
	return next->has_children ? keep_id(last, next->id) : 0;
}

/* Groups that further calls may still join, the newest last. */
#define WINDOW 6

struct reading {
	struct siblings_source *source;
	const struct parent *parent;
	struct siblings *siblings;
	struct group window[WINDOW];
	size_t count;
	struct group last; /* not placed yet: what follows may say what it waited for */
};

static int place(struct reading *reading, const struct group *group)
{
	struct group *window = reading->window;
	int err = 0;

	for (size_t i = reading->count; i--;) {
		if (joins(&window[i], group))
			return join(&window[i], group);
		if (!topic(group) || topic(&window[i]) != topic(group))
			break;
	}
	if (reading->count == WINDOW) {
		err = add_group(reading->source, reading->siblings, &window[0]);
		memmove(window, window + 1, (WINDOW - 1) * sizeof(*window));
		reading->count--;
	}
	window[reading->count++] = *group;
	return err ? err : keep_id(&window[reading->count - 1], group->id);
}

static int take_spans(struct reading *reading, struct query *query)
{
	struct group *last = &reading->last;
	int err = 0;

	while (!err && query_next(query)) {
		struct group next = read_span(reading->source, query);
		enum match match = matches_span(reading->source->matches, next.id);

		next.matched = reading->parent->matched || match == MATCH_ITSELF;
		if (!next.matched && match == MATCH_NONE)
			continue;
		if (last->is_poll && !last->object && query_int(query, 9))
			last->next = next.object;
		if (!next.is_exchange && is_carrier(reading->source, next.object)) {
			if (is_carrier(reading->source, last->next))
				*last = (struct group){0};
			continue;
		}
		err = last->count ? place(reading, last) : 0;
		*last = next;
	}
	return err;
}

static int read_spans(
	struct siblings_source *source, const struct parent *parent, struct siblings *siblings)
{
	struct reading reading = {.source = source, .parent = parent, .siblings = siblings};
	struct query *query =
		model_query(source->model, parent->is_thread ? thread_sql : below_sql);
	int err = 0;

	for (size_t i = 0; i < parent->span_count && !err; i++) {
		query_bind(query, 1, parent->is_thread ? parent->thread : parent->spans[i]);
		if (parent->is_thread)
			query_bind(query, 2, parent->spans[i]);
		err = take_spans(&reading, query);
	}
	if (!err && reading.last.count)
		err = place(&reading, &reading.last);
	for (size_t i = 0; i < reading.count; i++) {
		if (err)
			free(reading.window[i].ids);
		else
			err = add_group(source, siblings, &reading.window[i]);
	}
	query_free(query);
	return err;
}

static int read_folds(struct siblings_source *source, enum fold_place place, int64_t id,
	bool matched, struct siblings *siblings)
{
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
			.active_ns = nodes[i].sum_ns,
			.min_ns = nodes[i].min_ns,
			.max_ns = nodes[i].max_ns,
			.count = nodes[i].folded,
			.evidence = RT_EVIDENCE_exact,
			.status = -1,
			.matched = matched || match == MATCH_ITSELF,
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
	bool matched = parent->matched;
	int err = 0;

	if (parent->fold)
		err = read_folds(source, FOLD_BELOW_FOLD, parent->fold, matched, siblings);
	else
		err = read_spans(source, parent, siblings);
	/* a thread's root is a span too */
	for (size_t i = 0; i < parent->span_count && !err; i++)
		err = read_folds(source, FOLD_BELOW_SPAN, parent->spans[i], matched, siblings);
	if (!err && parent->is_thread)
		err = read_folds(source, FOLD_BELOW_THREAD, parent->thread, matched, siblings);
	if (err)
		return err;
	shorten(siblings, (size_t)source->options->top);
	if (siblings->count > 1)
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
		name->is_runtime = query_int(source->operation, 3) == RT_FAMILY_runtime;
	}
	query_bind(source->object, 1, topic(group));
	if (topic(group) && query_next(source->object)) {
		name->object = query_text(source->object, 0);
		name->object_kind = (unsigned)query_int(source->object, 1);
		name->is_next = !group->object;
	}
	if (group->is_exchange)
		name->story = story_of(source->story, group->id, name->class);
	query_bind(source->under, 1, group->under);
	if (group->under && query_next(source->under))
		name->under = query_text(source->under, 0);
	return name;
}
