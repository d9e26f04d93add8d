/* SPDX-License-Identifier: Apache-2.0 */
/* Where folded calls stand. A fold none of whose calls are folded has no line: what is below it
 * moves up to the next place that has one. */
#include "analysis/fold_tree.h"

#include <stdlib.h>

#include "lib/map.h"

struct fold_tree {
	struct fold_node *nodes; /* all while loading, then those with folded calls */
	size_t count, capacity;
	struct map by_id; /* index + 1, while loading */
};

static int read_node(struct fold_tree *tree, const struct query *query)
{
	uint64_t *index = map_at(&tree->by_id, (uint64_t)query_int(query, 0));

	if (tree->count == tree->capacity) {
		size_t capacity = tree->capacity ? tree->capacity * 2 : 256;
		struct fold_node *nodes = realloc(tree->nodes, capacity * sizeof(*nodes));

		if (!nodes)
			return -1;
		tree->nodes = nodes;
		tree->capacity = capacity;
	}
	if (!index)
		return -1;
	tree->nodes[tree->count++] = (struct fold_node){
		.id = query_int(query, 0),
		.parent = query_int(query, 1),
		.thread = query_int(query, 2),
		.operation = query_int(query, 3),
		.object = query_int(query, 4),
		.folded = query_int(query, 5),
		.sum_ns = query_int(query, 6),
		.min_ns = query_int(query, 7),
		.max_ns = query_int(query, 8),
		.first_ns = query_int(query, 9),
		.span_parent = query_int(query, 10),
		.wait = (unsigned)query_int(query, 11),
	};
	*index = tree->count;
	return 0;
}

static void find_place(struct fold_tree *tree, struct fold_node *node)
{
	const struct fold_node *at = node;

	for (size_t i = 0; i <= tree->count; i++) {
		uint64_t *index = map_find(&tree->by_id, (uint64_t)at->parent);

		if (at->span_parent) {
			node->place = FOLD_BELOW_SPAN;
			node->place_id = at->span_parent;
			return;
		}
		if (!at->parent || !index)
			break;
		at = &tree->nodes[*index - 1];
		if (at->folded) {
			node->place = FOLD_BELOW_FOLD;
			node->place_id = at->id;
			return;
		}
		if (!node->under)
			node->under = at->operation;
	}
	node->place = FOLD_BELOW_THREAD;
	node->place_id = node->thread;
}

static int compare_places(const void *left, const void *right)
{
	const struct fold_node *a = left, *b = right;

	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	if (a->place_id != b->place_id)
		return a->place_id < b->place_id ? -1 : 1;
	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

struct fold_tree *fold_tree_new(struct model *model, int64_t run)
{
	struct fold_tree *tree = calloc(1, sizeof(*tree));
	struct query *query = model_query(model,
		"SELECT id, parent, thread, operation, object, folded, folded_sum_ns, folded_min_ns,"
		" folded_max_ns, first_ns, span_parent, wait_class FROM profile WHERE run = ?");
	size_t kept = 0;
	int err = tree ? 0 : -1;

	query_bind(query, 1, run);
	while (!err && query_next(query))
		err = read_node(tree, query);
	query_free(query);
	if (err) {
		fold_tree_free(tree);
		return NULL;
	}
	for (size_t i = 0; i < tree->count; i++)
		find_place(tree, &tree->nodes[i]);
	for (size_t i = 0; i < tree->count; i++) {
		if (tree->nodes[i].folded > 0)
			tree->nodes[kept++] = tree->nodes[i];
	}
	tree->count = kept;
	map_free(&tree->by_id);
	if (tree->count > 1)
		qsort(tree->nodes, tree->count, sizeof(*tree->nodes), compare_places);
	return tree;
}

void fold_tree_free(struct fold_tree *tree)
{
	if (!tree)
		return;
	free(tree->nodes);
	map_free(&tree->by_id);
	free(tree);
}

const struct fold_node *fold_tree_at(
	const struct fold_tree *tree, enum fold_place place, int64_t id, size_t *count)
{
	struct fold_node wanted = {.place = place, .place_id = id, .first_ns = INT64_MIN};
	size_t low = 0, high = tree->count, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_places(&tree->nodes[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < tree->count; end++) {
		if (tree->nodes[end].place != place || tree->nodes[end].place_id != id)
			break;
	}
	*count = end - low;
	return tree->nodes + low;
}

const struct fold_node *fold_tree_all(const struct fold_tree *tree, size_t *count)
{
	*count = tree->count;
	return tree->nodes;
}

/* A damaged database may go in circles. */
#define DEPTH_MAX 512

static int64_t add_waits(const struct fold_tree *tree, enum fold_place place, int64_t id,
	int64_t waits[WAIT_CLASSES], unsigned depth)
{
	size_t count;
	const struct fold_node *nodes = fold_tree_at(tree, place, id, &count);
	int64_t sum_ns = 0;

	for (size_t i = 0; i < count && depth < DEPTH_MAX; i++) {
		int64_t self_ns = nodes[i].sum_ns -
			add_waits(tree, FOLD_BELOW_FOLD, nodes[i].id, waits, depth + 1);

		if (self_ns > 0 && nodes[i].wait)
			waits[nodes[i].wait % WAIT_CLASSES] += self_ns;
		sum_ns += nodes[i].sum_ns;
	}
	return sum_ns;
}

int64_t fold_tree_waits(const struct fold_tree *tree, enum fold_place place, int64_t id,
	int64_t waits[WAIT_CLASSES])
{
	return add_waits(tree, place, id, waits, 0);
}
