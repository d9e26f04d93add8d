/* SPDX-License-Identifier: Apache-2.0 */
/* Only what was shortened and what is around it is computed anew. */
#include "analysis/path/replay.h"

#include <errno.h>
#include <stdlib.h>

/* Parents end with children that go on for so long. */
#define OVERHANG_NS 1000000

struct replay {
	const struct units *units;
	uint32_t *place; /* of each node in graph.order */
	uint16_t *cut;	 /* of each node */
	uint32_t *parts; /* nodes that have a cause, those of one together */
	uint32_t part_count;
	uint8_t *is_dirty; /* something in or below it was shortened */
	int64_t *new_ns;   /* durations of dirty nodes */
	int64_t *new_end;  /* of the children of the node at hand, on its own clock */
	uint32_t *dirty;
	uint32_t dirty_count, dirty_capacity;
};

static int compare_causes(const void *left, const void *right, void *context)
{
	const struct graph *graph = context;
	uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;
	uint32_t a = graph->nodes[i].cause, b = graph->nodes[j].cause;

	return a != b ? (a < b ? -1 : 1) : i < j ? -1 : i > j;
}

static bool list_parts(struct replay *replay, const struct graph *graph)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < graph->count; i++)
		count += graph->nodes[i].cause != NODE_NONE;
	replay->parts = malloc(((size_t)count + 1) * sizeof(*replay->parts));
	if (!replay->parts)
		return false;
	for (uint32_t i = 0; i < graph->count; i++) {
		if (graph->nodes[i].cause != NODE_NONE)
			replay->parts[replay->part_count++] = i;
	}
	qsort_r(replay->parts, count, sizeof(*replay->parts), compare_causes, (void *)graph);
	return true;
}

struct replay *replay_new(const struct units *units)
{
	const struct graph *graph = units->graph;
	size_t count = (size_t)graph->count + 1;
	struct replay *replay = calloc(1, sizeof(*replay));

	if (!replay)
		return NULL;
	replay->units = units;
	replay->place = calloc(count, sizeof(*replay->place));
	replay->cut = calloc(count, sizeof(*replay->cut));
	replay->is_dirty = calloc(count, sizeof(*replay->is_dirty));
	replay->new_ns = calloc(count, sizeof(*replay->new_ns));
	replay->new_end = calloc(count, sizeof(*replay->new_end));
	if (!list_parts(replay, graph) || !replay->place || !replay->cut || !replay->is_dirty ||
		!replay->new_ns || !replay->new_end) {
		replay_free(replay);
		return NULL;
	}
	for (uint32_t i = 0; i < graph->order_count; i++)
		replay->place[graph->order[i]] = i;
	return replay;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	free(replay->place);
	free(replay->cut);
	free(replay->parts);
	free(replay->is_dirty);
	free(replay->new_ns);
	free(replay->new_end);
	free(replay->dirty);
	free(replay);
}

static int mark(struct replay *replay, uint32_t node)
{
	if (replay->dirty_count == replay->dirty_capacity) {
		uint32_t capacity = replay->dirty_capacity ? replay->dirty_capacity * 2 : 256;
		uint32_t *dirty = realloc(replay->dirty, capacity * sizeof(*dirty));

		if (!dirty)
			return -ENOMEM;
		replay->dirty = dirty;
		replay->dirty_capacity = capacity;
	}
	replay->dirty[replay->dirty_count++] = node;
	replay->is_dirty[node] = 1;
	return 0;
}

static int shorten(struct replay *replay, uint32_t node, unsigned per_mille)
{
	const struct units *units = replay->units;

	/* what is in no unit is waited for by none */
	if (units->owner[node] == NODE_NONE)
		return 0;
	if (replay->cut[node] < per_mille)
		replay->cut[node] = (uint16_t)(per_mille < REPLAY_WHOLE ? per_mille : REPLAY_WHOLE);
	for (uint32_t at = node; at != NODE_NONE && !replay->is_dirty[at];
		at = units->graph->nodes[at].parent) {
		if (mark(replay, at))
			return -ENOMEM;
		if (at == units->list[units->owner[node]].root)
			break;
	}
	return 0;
}

int replay_shorten(struct replay *replay, uint32_t node, unsigned per_mille)
{
	const struct node *nodes = replay->units->graph->nodes;
	uint32_t low = 0, high = replay->part_count;
	int err = shorten(replay, node, per_mille);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (nodes[replay->parts[middle]].cause < node)
			low = middle + 1;
		else
			high = middle;
	}
	for (; !err && low < replay->part_count && nodes[replay->parts[low]].cause == node; low++)
		err = shorten(replay, replay->parts[low], per_mille);
	return err;
}

/* Of children that had ended at a moment: the last end, as it was and as it becomes. */
struct ended {
	uint32_t count;
	int64_t old_ns, new_ns;
};

static void end_child(
	const struct replay *replay, struct ended *ended, uint32_t child, int64_t over_ns)
{
	const struct node *node = &replay->units->graph->nodes[child];

	if (node->end_ns - over_ns > ended->old_ns)
		ended->old_ns = node->end_ns - over_ns;
	if (replay->new_end[child] > ended->new_ns)
		ended->new_ns = replay->new_end[child];
	ended->count++;
}

/*
 * By how much a child goes on after its parent's end, where that is so little that the parent ended
 * with it: an answer is out a moment before the function that sent it returns. -1: it is no part of
 * how long the parent took.
 */
static int64_t overhang(const struct node *child, const struct node *parent)
{
	int64_t over_ns = child->end_ns - parent->end_ns;

	if (over_ns <= 0)
		return 0;
	return over_ns <= OVERHANG_NS || over_ns <= node_duration(child) / 50 ? over_ns : -1;
}

static int64_t new_duration(const struct replay *replay, uint32_t index)
{
	return replay->is_dirty[index] ? replay->new_ns[index]
				       : node_duration(&replay->units->graph->nodes[index]);
}

static void compute(struct replay *replay, uint32_t index)
{
	const struct graph *graph = replay->units->graph;
	const struct node *node = &graph->nodes[index];
	struct ended ended = {.old_ns = node->start_ns, .new_ns = node->start_ns};
	int64_t duration;

	for (uint32_t i = 0; i < node->child_count; i++) {
		uint32_t child = graph->by_start[node->first + i];
		int64_t start = graph->nodes[child].start_ns;

		while (ended.count < i) {
			uint32_t last = graph->by_end[node->first + ended.count];

			if (graph->nodes[last].end_ns > start ||
				graph->nodes[last].start_ns >= start)
				break;
			end_child(replay, &ended, last, 0);
		}
		replay->new_end[child] =
			ended.new_ns + (start - ended.old_ns) + new_duration(replay, child);
	}
	while (ended.count < node->child_count) {
		uint32_t last = graph->by_end[node->first + ended.count];
		int64_t over_ns = overhang(&graph->nodes[last], node);

		if (over_ns < 0)
			break;
		replay->new_end[last] -= over_ns;
		end_child(replay, &ended, last, over_ns);
	}
	duration = ended.new_ns + (node->end_ns - ended.old_ns) - node->start_ns;
	if (ended.count < node->child_count && duration > node_duration(node))
		duration = node_duration(node);
	replay->new_ns[index] = duration - duration * replay->cut[index] / REPLAY_WHOLE;
}

static int compare_places(const void *left, const void *right, void *context)
{
	const struct replay *replay = context;
	uint32_t a = replay->place[*(const uint32_t *)left];
	uint32_t b = replay->place[*(const uint32_t *)right];

	return a > b ? -1 : a < b;
}

void replay_run(struct replay *replay)
{
	if (!replay->dirty_count)
		return;
	qsort_r(replay->dirty, replay->dirty_count, sizeof(*replay->dirty), compare_places, replay);
	for (uint32_t i = 0; i < replay->dirty_count; i++)
		compute(replay, replay->dirty[i]);
}

int64_t replay_unit(const struct replay *replay, uint32_t unit)
{
	return new_duration(replay, replay->units->list[unit].root);
}

int64_t replay_saving(const struct replay *replay)
{
	int64_t saving = 0;

	for (uint32_t i = 0; i < replay->units->count; i++)
		saving += unit_duration(replay->units, &replay->units->list[i]) -
			replay_unit(replay, i);
	return saving;
}

void replay_clear(struct replay *replay)
{
	for (uint32_t i = 0; i < replay->dirty_count; i++) {
		replay->is_dirty[replay->dirty[i]] = 0;
		replay->cut[replay->dirty[i]] = 0;
	}
	replay->dirty_count = 0;
}
