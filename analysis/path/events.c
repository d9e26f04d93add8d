/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/path/events.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/event.h"

static bool is_wait(const struct node *node)
{
	return node->wait == RT_WAIT_poll && node->kind != RT_SPAN_request &&
		node->thread != NODE_NONE;
}

static int compare(const void *left, const void *right, void *context)
{
	const struct graph *graph = context;
	uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;
	const struct node *a = &graph->nodes[i], *b = &graph->nodes[j];

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return i < j ? -1 : i > j;
}

int events_load(const struct graph *graph, struct events *events)
{
	uint32_t count = 0, at = 0;

	for (uint32_t i = 0; i < graph->count; i++)
		count += is_wait(&graph->nodes[i]);
	events->list = malloc(((size_t)count + 1) * sizeof(*events->list));
	events->first = malloc(((size_t)graph->thread_count + 1) * sizeof(*events->first));
	if (!events->list || !events->first)
		return -ENOMEM;
	count = 0;
	for (uint32_t i = 0; i < graph->count; i++) {
		if (is_wait(&graph->nodes[i]))
			events->list[count++] = i;
	}
	qsort_r(events->list, count, sizeof(*events->list), compare, (void *)graph);
	for (uint32_t i = 0; i <= graph->thread_count; i++) {
		while (at < count && graph->nodes[events->list[at]].thread < i)
			at++;
		events->first[i] = at;
	}
	return 0;
}

void events_free(struct events *events)
{
	free(events->list);
	free(events->first);
	*events = (struct events){0};
}

/* The first wait of a thread that ends after a moment: waits of one thread do not overlap. */
static uint32_t first_after(
	const struct graph *graph, const struct events *events, uint32_t thread, int64_t ns)
{
	uint32_t low = events->first[thread], high = events->first[thread + 1];

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (graph->nodes[events->list[middle]].end_ns <= ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct events_part events_during(const struct graph *graph, const struct events *events,
	const struct section_of_path *section)
{
	uint32_t thread = graph->nodes[section->node].thread;
	struct events_part part = {0};

	if (thread == NODE_NONE)
		return part;
	part.first = part.end = first_after(graph, events, thread, section->start_ns);
	for (; part.end < events->first[thread + 1]; part.end++) {
		const struct node *wait = &graph->nodes[events->list[part.end]];
		int64_t start_ns = wait->start_ns, end_ns = wait->end_ns;

		if (start_ns >= section->end_ns)
			break;
		if (start_ns < section->start_ns)
			start_ns = section->start_ns;
		if (end_ns > section->end_ns)
			end_ns = section->end_ns;
		part.waited_ns += end_ns - start_ns;
		if (end_ns - start_ns >= NODE_LOOK_NS)
			part.by_clock = wait->flags & NODE_TIMER;
	}
	return part;
}
