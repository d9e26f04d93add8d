/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/path/settle.h"

#include <errno.h>
#include <stdlib.h>

#include "analysis/path/requests.h"
#include "wire/event.h"

/* A call may end this much after the request it belongs to: reading its last byte is over first. */
#define SLACK_NS 100000

/* Requests of one thread that are under way, by number. */
struct active {
	uint32_t *list;
	uint32_t count, capacity;
};

static int active_add(struct active *active, uint32_t node)
{
	if (active->count == active->capacity) {
		uint32_t capacity = active->capacity ? active->capacity * 2 : 64;
		uint32_t *list = realloc(active->list, capacity * sizeof(*list));

		if (!list)
			return -ENOMEM;
		active->list = list;
		active->capacity = capacity;
	}
	active->list[active->count++] = node;
	return 0;
}

static void active_prune(const struct graph *graph, struct active *active, int64_t now_ns)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < active->count; i++) {
		if (graph->nodes[active->list[i]].end_ns > now_ns)
			active->list[kept++] = active->list[i];
	}
	active->count = kept;
}

/* The one request that the thread answers, where it is only one. */
static uint32_t only_server(const struct graph *graph, const struct active *active)
{
	uint32_t found = NODE_NONE;

	for (uint32_t i = 0; i < active->count; i++) {
		if (!(graph->nodes[active->list[i]].flags & NODE_SERVER))
			continue;
		if (found != NODE_NONE)
			return NODE_NONE;
		found = active->list[i];
	}
	return found;
}

static bool explains(const struct node *request, const struct node *call)
{
	if (request->flags & NODE_SERVER || call->end_ns > request->end_ns + SLACK_NS)
		return false;
	if (call->object && call->object == request->object)
		return true;
	return call->wait == RT_WAIT_poll;
}

static bool is_explained(
	const struct graph *graph, const struct active *active, const struct node *call)
{
	if (call->kind == RT_SPAN_request || call->wait == RT_WAIT_none || call->child_count)
		return false;
	for (uint32_t i = 0; i < active->count; i++) {
		if (explains(&graph->nodes[active->list[i]], call))
			return true;
	}
	return false;
}

/*
 * A request's end is when its last byte was read, which the next step may outrun by little. It must
 * not look as if the two had run side by side.
 */
static void trim(struct graph *graph, const struct active *active, const struct node *next)
{
	for (uint32_t i = 0; i < active->count; i++) {
		struct node *node = &graph->nodes[active->list[i]];
		int64_t over = node->end_ns - next->start_ns;

		if (next->thread == node->thread && over <= SLACK_NS &&
			over <= node_duration(node) / 50)
			node->end_ns = next->start_ns;
	}
}

static uint32_t cause_of(
	const struct graph *graph, const struct active *active, const struct node *call)
{
	if (call->kind == RT_SPAN_request || call->wait == RT_WAIT_none || call->child_count)
		return NODE_NONE;
	for (uint32_t i = active->count; i--;) {
		if (explains(&graph->nodes[active->list[i]], call))
			return active->list[i];
	}
	return NODE_NONE;
}

static int compare_starts(const void *left, const void *right, void *context)
{
	const struct graph *graph = context;
	const struct node *a = &graph->nodes[*(const uint32_t *)left];
	const struct node *b = &graph->nodes[*(const uint32_t *)right];

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	if ((a->request != NODE_NONE) != (b->request != NODE_NONE))
		return a->request != NODE_NONE ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Calls that are left, wherever in their thread they stand. */
static int find_causes(struct graph *graph, struct active *active)
{
	struct active list = {0};
	int err = 0;

	for (uint32_t i = 0; !err && i < graph->count; i++) {
		const struct node *node = &graph->nodes[i];

		if (node->thread != NODE_NONE && !(node->flags & NODE_HIDDEN) &&
			(node->request != NODE_NONE || node->wait != RT_WAIT_none))
			err = active_add(&list, i);
	}
	if (list.count)
		qsort_r(list.list, list.count, sizeof(*list.list), compare_starts, graph);
	active->count = 0;
	for (uint32_t i = 0; !err && i < list.count; i++) {
		struct node *node = &graph->nodes[list.list[i]];

		if (i && node->thread != graph->nodes[list.list[i - 1]].thread)
			active->count = 0;
		active_prune(graph, active, node->start_ns);
		if (node->request != NODE_NONE)
			err = active_add(active, list.list[i]);
		else
			node->cause = cause_of(graph, active, node);
	}
	free(list.list);
	return err;
}

/* Up to where they end before what is around them does. */
static void lift(struct graph *graph)
{
	uint8_t *has_parts = calloc((size_t)graph->count + 1, 1);

	for (uint32_t i = 0; has_parts && i < graph->count; i++) {
		if (graph->nodes[i].cause != NODE_NONE)
			has_parts[graph->nodes[i].cause] = 1;
	}
	for (uint32_t i = 0; has_parts && i < graph->count; i++) {
		struct node *node = &graph->nodes[i];

		if (node->request == NODE_NONE || node->flags & NODE_SERVER || has_parts[i])
			continue;
		for (uint32_t hops = 0; hops < graph->count && node->parent < graph->count;
			hops++) {
			const struct node *parent = &graph->nodes[node->parent];

			if (parent->flags & (NODE_THREAD | NODE_SERVER) ||
				parent->parent >= graph->count || parent->thread != node->thread ||
				parent->end_ns + SLACK_NS >= node->end_ns)
				break;
			node->parent = parent->parent;
			node->flags |= NODE_ADOPTED;
		}
	}
	free(has_parts);
}

static int settle_children(struct graph *graph, const struct node *parent, struct active *active)
{
	active->count = 0;
	for (uint32_t i = 0; i < parent->child_count; i++) {
		uint32_t index = graph->by_start[parent->first + i], server;
		struct node *node = &graph->nodes[index];

		active_prune(graph, active, node->start_ns);
		server = only_server(graph, active);
		if (is_explained(graph, active, node)) {
			node->flags |= NODE_HIDDEN;
			continue;
		}
		trim(graph, active, node);
		if (server != NODE_NONE && !(node->flags & NODE_SERVER) &&
			node->thread == graph->nodes[server].thread &&
			node->end_ns <= graph->nodes[server].end_ns + SLACK_NS) {
			node->parent = server;
			node->flags |= NODE_ADOPTED;
		}
		if (node->kind == RT_SPAN_request && active_add(active, index))
			return -ENOMEM;
	}
	return 0;
}

/* ---- across threads ---- */

static bool is_handover(const struct node *node)
{
	return (node->wait == RT_WAIT_lock || node->wait == RT_WAIT_process) && !node->child_count;
}

struct waits {
	const uint32_t *list; /* in the order of their ends; those of one thread do not overlap */
	uint32_t count;
};

/* By threads, then by ends. */
static int compare_waits(const void *left, const void *right, void *context)
{
	const struct graph *graph = context;
	const struct node *a = &graph->nodes[*(const uint32_t *)left];
	const struct node *b = &graph->nodes[*(const uint32_t *)right];

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	return a->end_ns < b->end_ns ? -1 : a->end_ns > b->end_ns;
}

static int find_waits(struct graph *graph, struct active *all)
{
	for (uint32_t i = 0; i < graph->count; i++) {
		const struct node *node = &graph->nodes[i];

		if (node->thread == NODE_NONE || !is_handover(node) || node->flags & NODE_HIDDEN)
			continue;
		if (active_add(all, i))
			return -ENOMEM;
	}
	if (all->count)
		qsort_r(all->list, all->count, sizeof(*all->list), compare_waits, graph);
	return 0;
}

/* Of each thread. */
struct threads {
	struct waits *waits;
	bool *serves; /* it answers requests of others */
};

static int look_at_threads(
	const struct graph *graph, const struct active *all, struct threads *threads)
{
	threads->waits = calloc((size_t)graph->thread_count + 1, sizeof(*threads->waits));
	threads->serves = calloc((size_t)graph->thread_count + 1, sizeof(*threads->serves));
	if (!threads->waits || !threads->serves)
		return -ENOMEM;
	for (uint32_t i = 0; i < all->count; i++) {
		struct waits *waits = &threads->waits[graph->nodes[all->list[i]].thread];

		if (!waits->count++)
			waits->list = &all->list[i];
	}
	for (uint32_t i = 0; i < graph->count; i++) {
		if (graph->nodes[i].flags & NODE_SERVER && graph->nodes[i].thread != NODE_NONE)
			threads->serves[graph->nodes[i].thread] = true;
	}
	return 0;
}

/* The wait during which a moment lies, or NODE_NONE. */
static uint32_t wait_at(const struct graph *graph, const struct waits *waits, int64_t ns)
{
	uint32_t low = 0, high = waits->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (graph->nodes[waits->list[middle]].end_ns < ns)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == waits->count || graph->nodes[waits->list[low]].start_ns > ns)
		return NODE_NONE;
	return waits->list[low];
}

/* What another thread does that the main one may wait for: its own waits for others are not. */
static bool is_work(const struct node *node)
{
	return node->wait != RT_WAIT_lock && node->wait != RT_WAIT_poll &&
		node->wait != RT_WAIT_sleep;
}

/* A thread's own, or what another one has handed to it. */
static bool is_outermost(const struct graph *graph, const struct node *node)
{
	const struct node *parent = &graph->nodes[node->parent];

	return parent->flags & NODE_THREAD || parent->thread != node->thread;
}

/*
 * The thread that may wait for it: the one that has handed it over, else the process's main thread,
 * unless its own thread answers requests of others.
 */
static uint32_t waiter_of(
	const struct graph *graph, const struct threads *threads, const struct node *node)
{
	const struct node *parent = &graph->nodes[node->parent];
	uint32_t at = node->thread;

	if (parent->thread != node->thread)
		return parent->thread;
	if (threads->serves[at])
		return NODE_NONE;
	while (at && !graph->threads[at].is_main)
		at--;
	return at == node->thread ? NODE_NONE : at;
}

static void adopt(struct graph *graph, const struct threads *threads, struct node *node)
{
	uint32_t waiter = waiter_of(graph, threads, node), place;

	if (waiter == NODE_NONE)
		return;
	place = wait_at(graph, &threads->waits[waiter], node->end_ns);
	if (place == NODE_NONE || graph->nodes[place].wait != RT_WAIT_lock)
		return;
	node->parent = place;
	node->flags |= NODE_ADOPTED;
}

/* A child process as a whole, below the wait during which it ended. */
static void adopt_processes(struct graph *graph, const struct waits *waits, uint32_t process)
{
	const struct node *root = &graph->nodes[process];

	for (uint32_t i = 0; i < root->child_count; i++) {
		struct node *node = &graph->nodes[graph->by_start[root->first + i]];
		uint32_t place;

		if (node->kind != RT_SPAN_process || node->flags & NODE_ADOPTED)
			continue;
		place = wait_at(graph, waits, node->end_ns);
		if (place == NODE_NONE || graph->nodes[place].wait != RT_WAIT_process)
			continue;
		node->parent = place;
		node->flags |= NODE_ADOPTED;
	}
}

static int settle_threads(struct graph *graph)
{
	struct active all = {0};
	struct threads threads = {0};
	int err = find_waits(graph, &all);

	if (!err)
		err = look_at_threads(graph, &all, &threads);

	for (uint32_t i = 0; !err && i < graph->count; i++) {
		struct node *node = &graph->nodes[i];

		if (node->thread == NODE_NONE || node->parent >= graph->count ||
			node->flags & (NODE_HIDDEN | NODE_ADOPTED | NODE_SERVER | NODE_THREAD) ||
			!is_work(node) || !is_outermost(graph, node))
			continue;
		adopt(graph, &threads, node);
	}
	for (uint32_t i = 0; !err && i < graph->thread_count; i++) {
		const struct graph_thread *thread = &graph->threads[i];
		const struct waits *waits = &threads.waits[i];

		if (thread->is_main && waits->count && thread->root != NODE_NONE &&
			graph->nodes[thread->root].parent < graph->count)
			adopt_processes(graph, waits, graph->nodes[thread->root].parent);
	}
	free(threads.waits);
	free(threads.serves);
	free(all.list);
	return err;
}

static void mark_answered(struct graph *graph)
{
	for (uint32_t i = 0; i < graph->request_count; i++) {
		const struct node *node = &graph->nodes[graph->requests[i].node];

		if (node->flags & NODE_SERVER && node->parent < graph->count &&
			graph->nodes[node->parent].request != NODE_NONE)
			graph->nodes[node->parent].flags |= NODE_ANSWERED;
	}
}

int settle(struct graph *graph)
{
	struct active active = {0};
	int err = 0;

	for (uint32_t i = 0; !err && i < graph->order_count; i++) {
		const struct node *node = &graph->nodes[graph->order[i]];

		if (node->child_count && node->thread != NODE_NONE)
			err = settle_children(graph, node, &active);
	}
	if (!err)
		err = find_causes(graph, &active);
	free(active.list);
	if (!err)
		lift(graph);
	if (!err)
		err = settle_threads(graph);
	mark_answered(graph);
	return err ? err : graph_link(graph);
}
