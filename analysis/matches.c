/* SPDX-License-Identifier: Apache-2.0 */
/* Which calls an expression matches, and which lead there. */
#include "analysis/matches.h"

#include <stdlib.h>

#include "lib/map.h"
#include "wire/event.h"

_Static_assert(RT_WAIT_poll == 11 && RT_FAMILY_exchange == 14, "numbers in the queries below");

struct matches {
	struct map operations, objects; /* that match */
	struct map spans, folds;	/* enum match */
	struct map threads;
	struct map fold_places; /* index + 1 in the fold tree */
	const struct fold_node *nodes;
	struct query *parent;
	bool failed;
};

static void put(struct matches *matches, struct map *map, int64_t key, uint64_t value)
{
	uint64_t *place = map_at(map, (uint64_t)key);

	if (!place)
		matches->failed = true;
	else if (*place < value)
		*place = value;
}

static bool has(const struct map *map, int64_t key)
{
	return key && map_find(map, (uint64_t)key);
}

static void find_words(struct matches *matches, struct model *model, const char *sql,
	const regex_t *expression, struct map *map)
{
	struct query *query = model_query(model, sql);

	while (query_next(query)) {
		for (int column = 1; column <= 2; column++) {
			const char *text = query_text(query, column);

			if (text && (!expression || !regexec(expression, text, 0, NULL, 0)))
				put(matches, map, query_int(query, 0), 1);
		}
	}
	query_free(query);
}

/* All spans around one, until one that is known already. */
static void mark_spans_around(struct matches *matches, int64_t span)
{
	while (span && !has(&matches->spans, span) && !matches->failed) {
		put(matches, &matches->spans, span, MATCH_BELOW);
		query_bind(matches->parent, 1, span);
		span = query_next(matches->parent) ? query_int(matches->parent, 0) : 0;
	}
}

/* What is needed of the span before, in the order of a thread's time. */
struct before {
	int64_t id, parent, thread;
	bool is_poll; /* and does not say for what it waited: the next span does */
};

static void match_span(struct matches *matches, const struct query *query, struct before *before)
{
	struct before span = {
		.id = query_int(query, 0),
		.parent = query_int(query, 1),
		.thread = query_int(query, 4),
		.is_poll = query_int(query, 5) && !query_int(query, 3),
	};
	bool object = has(&matches->objects, query_int(query, 3));

	if (object || has(&matches->operations, query_int(query, 2))) {
		mark_spans_around(matches, span.parent);
		put(matches, &matches->spans, span.id, MATCH_ITSELF);
		/* what another thread asked for is shown there */
		put(matches, &matches->threads,
			query_int(query, 6) ? query_int(query, 6) : span.thread, 1);
	}
	if (object && before->is_poll && before->parent == span.parent &&
		before->thread == span.thread)
		put(matches, &matches->spans, before->id, MATCH_ITSELF);
	*before = span;
}

static void match_spans(struct matches *matches, struct model *model, int64_t run)
{
	struct query *query = model_query(model,
		"SELECT s.id, s.parent, s.operation, s.object, s.thread, o.wait = 11,"
		" u.thread FROM span s LEFT JOIN span u ON u.id = s.parent"
		" JOIN operation o ON o.id = s.operation JOIN thread t ON t.id = s.thread"
		" JOIN process p ON p.id = t.process WHERE p.run = ? AND o.id >= 32"
		" ORDER BY s.thread, s.start_ns, s.id");
	struct before before = {0};

	query_bind(query, 1, run);
	while (query_next(query) && !matches->failed)
		match_span(matches, query, &before);
	query_free(query);
}

static void mark_around_fold(struct matches *matches, const struct fold_node *node)
{
	while (node && node->place == FOLD_BELOW_FOLD && !matches->failed) {
		uint64_t *index = map_find(&matches->fold_places, (uint64_t)node->place_id);

		if (!index || has(&matches->folds, node->place_id))
			return;
		put(matches, &matches->folds, node->place_id, MATCH_BELOW);
		node = &matches->nodes[*index - 1];
	}
	if (node && node->place == FOLD_BELOW_SPAN)
		mark_spans_around(matches, node->place_id);
}

static void match_folds(struct matches *matches, const struct fold_tree *folds)
{
	size_t count;

	matches->nodes = fold_tree_all(folds, &count);
	for (size_t i = 0; i < count; i++)
		put(matches, &matches->fold_places, matches->nodes[i].id, i + 1);
	for (size_t i = 0; i < count && !matches->failed; i++) {
		const struct fold_node *node = &matches->nodes[i];

		if (!has(&matches->operations, node->operation) &&
			!has(&matches->objects, node->object))
			continue;
		mark_around_fold(matches, node);
		put(matches, &matches->folds, node->id, MATCH_ITSELF);
		put(matches, &matches->threads, node->thread, 1);
	}
}

struct matches *matches_new(struct model *model, int64_t run, const struct fold_tree *folds,
	const regex_t *expression, bool requests)
{
	struct matches *matches = calloc(1, sizeof(*matches));

	if (!matches)
		return NULL;
	matches->parent = model_query(model, "SELECT parent FROM span WHERE id = ?");
	find_words(matches, model,
		requests ? "SELECT id, name, module FROM operation WHERE family = 14"
			 : "SELECT id, name, module FROM operation",
		expression, &matches->operations);
	if (!requests)
		find_words(matches, model, "SELECT id, name, local FROM object", expression,
			&matches->objects);
	match_spans(matches, model, run);
	match_folds(matches, folds);
	if (matches->failed) {
		matches_free(matches);
		return NULL;
	}
	return matches;
}

void matches_free(struct matches *matches)
{
	struct map *maps[6];

	if (!matches)
		return;
	maps[0] = &matches->operations;
	maps[1] = &matches->objects;
	maps[2] = &matches->spans;
	maps[3] = &matches->folds;
	maps[4] = &matches->threads;
	maps[5] = &matches->fold_places;
	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		map_free(maps[i]);
	query_free(matches->parent);
	free(matches);
}

static enum match look_up(const struct map *map, int64_t id)
{
	uint64_t *value = map_find(map, (uint64_t)id);

	return value ? (enum match) * value : MATCH_NONE;
}

enum match matches_span(const struct matches *matches, int64_t span)
{
	return matches ? look_up(&matches->spans, span) : MATCH_BELOW;
}

enum match matches_fold(const struct matches *matches, int64_t fold)
{
	return matches ? look_up(&matches->folds, fold) : MATCH_BELOW;
}

bool matches_thread(const struct matches *matches, int64_t thread)
{
	return !matches || has(&matches->threads, thread);
}
