/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/path/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/path/leaf.h"
#include "wire/event.h"

static bool is_answering(const struct graph *graph, uint32_t index)
{
	const struct node *node = &graph->nodes[index];

	return node->flags & NODE_SERVER && !(node->flags & NODE_HIDDEN);
}

/* A process that nobody waits for, by the root of its main thread. */
static bool is_program(const struct graph *graph, uint32_t index)
{
	const struct node *node = &graph->nodes[index];

	if (!(node->flags & NODE_THREAD) || !graph->threads[node->thread].is_main)
		return false;
	return node->parent >= graph->count || !(graph->nodes[node->parent].flags & NODE_ADOPTED);
}

/* Units in the order from parents, outermost only: what is inside one belongs to it. */
static int find(struct units *units, bool (*is_unit)(const struct graph *, uint32_t))
{
	const struct graph *graph = units->graph;
	uint32_t capacity = 0;

	for (uint32_t i = 0; i < graph->count; i++)
		units->owner[i] = NODE_NONE;
	for (uint32_t i = 0; i < graph->order_count; i++) {
		uint32_t index = graph->order[i], parent = graph->nodes[index].parent;

		if (parent < graph->count && units->owner[parent] != NODE_NONE) {
			units->owner[index] = units->owner[parent];
			continue;
		}
		if (!is_unit(graph, index))
			continue;
		if (units->count == capacity) {
			struct unit *list;

			capacity = capacity ? capacity * 2 : 16;
			list = realloc(units->list, capacity * sizeof(*list));
			if (!list)
				return -ENOMEM;
			units->list = list;
		}
		units->owner[index] = units->count;
		units->list[units->count++] = (struct unit){.root = index};
	}
	return 0;
}

/* Helpers that ask nobody anything are not what a user waits for: they stay out, but the longest.
 */
static int drop_helpers(struct units *units)
{
	const struct graph *graph = units->graph;
	uint32_t *places = calloc((size_t)units->count + 1, sizeof(*places));
	uint32_t kept = 0, longest = 0;

	if (!places)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->count; i++) {
		if (units->owner[i] != NODE_NONE && graph->nodes[i].request != NODE_NONE)
			places[units->owner[i]] = 1;
	}
	for (uint32_t i = 0; i < units->count; i++) {
		if (unit_duration(units, &units->list[i]) >
			unit_duration(units, &units->list[longest]))
			longest = i;
	}
	for (uint32_t i = 0; i < units->count; i++) {
		bool keep = places[i] || i == longest;

		places[i] = keep ? kept : NODE_NONE;
		if (keep)
			units->list[kept++] = units->list[i];
	}
	units->count = kept;
	for (uint32_t i = 0; i < graph->count; i++) {
		if (units->owner[i] != NODE_NONE)
			units->owner[i] = places[units->owner[i]];
	}
	free(places);
	return 0;
}

struct sums {
	int64_t *own_ns; /* of each node, while its unit is summed up */
	uint32_t *touched;
	uint32_t touched_count;
};

static void add_leaves(struct units *units, struct unit *unit, uint32_t operation,
	const int64_t leaves[WAIT_CLASSES])
{
	for (unsigned i = 0; i < WAIT_CLASSES; i++) {
		unit->leaves[i] += leaves[i];
		units->leaves[i] += leaves[i];
		units->operations[operation].leaves[i] += leaves[i];
		units->operations[operation].path_ns += leaves[i];
	}
}

/* What of a node's own time it was suspended for: so many ns. */
static int64_t add_events(
	struct units *units, struct unit *unit, const struct section_of_path *section)
{
	const struct graph *graph = units->graph;
	struct events_part part = events_during(graph, &units->events, section);
	int64_t leaves[WAIT_CLASSES] = {0};

	if (!part.waited_ns)
		return 0;
	leaves[part.by_clock ? RT_WAIT_sleep : RT_WAIT_poll] = part.waited_ns;
	add_leaves(units, unit, node_group(graph, &graph->nodes[section->node]), leaves);
	return part.waited_ns;
}

static void sum_sections(struct units *units, struct unit *unit, struct sums *sums)
{
	const struct graph *graph = units->graph;

	sums->touched_count = 0;
	for (uint32_t i = 0; i < unit->section_count; i++) {
		const struct section_of_path *section = &units->path.sections[unit->first + i];
		const struct node *node = &graph->nodes[section->node];
		int64_t leaves[WAIT_CLASSES] = {0};

		if (node->cause != NODE_NONE) {
			node = &graph->nodes[node->cause];
			leaf_add(graph,
				&(struct section_of_path){(uint32_t)(node - graph->nodes),
					section->start_ns, section->end_ns},
				leaves);
			add_leaves(units, unit, node_group(graph, node), leaves);
			continue;
		}
		if (leaf_is_own(node)) {
			int64_t own_ns = section->end_ns - section->start_ns;

			own_ns -= add_events(units, unit, section);
			if (!own_ns)
				continue;
			if (!sums->own_ns[section->node])
				sums->touched[sums->touched_count++] = section->node;
			sums->own_ns[section->node] += own_ns;
			continue;
		}
		leaf_add(graph, section, leaves);
		add_leaves(units, unit, node_group(graph, node), leaves);
	}
	for (uint32_t i = 0; i < sums->touched_count; i++) {
		const struct node *node = &graph->nodes[sums->touched[i]];
		int64_t leaves[WAIT_CLASSES] = {0};

		leaf_add_own(graph, node, sums->own_ns[sums->touched[i]], leaves);
		add_leaves(units, unit, node_group(graph, node), leaves);
		sums->own_ns[sums->touched[i]] = 0;
	}
}

static int walk(struct units *units)
{
	struct sums sums = {
		.own_ns = calloc((size_t)units->graph->count + 1, sizeof(*sums.own_ns)),
		.touched = calloc((size_t)units->graph->count + 1, sizeof(*sums.touched)),
	};
	int err = sums.own_ns && sums.touched ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < units->count; i++) {
		struct unit *unit = &units->list[i];

		unit->first = units->path.count;
		err = critical_walk(units->graph, unit->root, &units->path);
		unit->section_count = units->path.count - unit->first;
		units->total_ns += unit_duration(units, unit);
		if (!err)
			sum_sections(units, unit, &sums);
	}
	free(sums.own_ns);
	free(sums.touched);
	return err;
}

static int count_operations(struct units *units)
{
	const struct graph *graph = units->graph;
	uint32_t *last = malloc((size_t)graph->operation_count * sizeof(*last));

	if (!last)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->operation_count; i++)
		last[i] = NODE_NONE;
	for (uint32_t i = 0; i < graph->order_count; i++) {
		uint32_t index = graph->order[i], unit = units->owner[index];
		const struct node *node = &graph->nodes[index];
		uint32_t group = node_group(graph, node);
		struct operation_path *operation = &units->operations[group];
		double duration = (double)node_duration(node);

		if (unit == NODE_NONE)
			continue;
		operation->count++;
		operation->sum_ns += node_duration(node);
		operation->sum_squares += duration * duration;
		if (last[group] != unit)
			operation->units++;
		last[group] = unit;
	}
	free(last);
	return 0;
}

static int build(struct units *units)
{
	int err = find(units, is_answering);

	units->are_requests = units->count > 0;
	if (!err && !units->count)
		err = find(units, is_program);
	if (!err && !units->are_requests)
		err = drop_helpers(units);
	if (!err)
		err = events_load(units->graph, &units->events);
	if (!err)
		err = walk(units);
	if (!err)
		err = count_operations(units);
	return err;
}

struct units *units_new(const struct graph *graph)
{
	struct units *units = calloc(1, sizeof(*units));

	if (!units)
		return NULL;
	units->graph = graph;
	units->owner = malloc(((size_t)graph->count + 1) * sizeof(*units->owner));
	units->operations = calloc(graph->operation_count, sizeof(*units->operations));
	if (!units->owner || !units->operations || build(units)) {
		units_free(units);
		return NULL;
	}
	return units;
}

void units_free(struct units *units)
{
	if (!units)
		return;
	free(units->list);
	free(units->path.sections);
	free(units->owner);
	free(units->operations);
	events_free(&units->events);
	free(units);
}

static int compare_numbers(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

void sort_durations(int64_t *list, uint32_t count)
{
	if (count)
		qsort(list, count, sizeof(*list), compare_numbers);
}

int64_t percentile_of(const int64_t *sorted, uint32_t count, unsigned percent)
{
	uint64_t rank = ((uint64_t)count * percent + 99) / 100;

	return count ? sorted[rank ? rank - 1 : 0] : 0;
}

double operation_variation(const struct operation_path *operation)
{
	double mean, variance;

	if (operation->count < 2 || operation->sum_ns <= 0)
		return 0;
	mean = (double)operation->sum_ns / (double)operation->count;
	variance = operation->sum_squares / (double)operation->count - mean * mean;
	return variance > 0 ? sqrt(variance) / mean : 0;
}
