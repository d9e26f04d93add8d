/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that wait until another one gives its connection back: a wait for a lock, and right after
 * it a request on a connection that another thread has used up to then. A pool of more connections
 * would let them go on.
 */
#include <errno.h>
#include <stdlib.h>

#include "analysis/rules/rule.h"
#include "wire/event.h"

/* All requests that were sent, as nodes; and who waits for locks. */
struct sent {
	uint32_t *by_thread, *by_connection; /* then by start */
	uint32_t count;
	struct map waiters; /* of each lock: its thread + 1, or SHARED */
};

#define SHARED UINT64_MAX

static int compare_keys(
	const struct rule_context *context, uint32_t i, uint32_t j, uint32_t key_a, uint32_t key_b)
{
	const struct node *a = rule_node(context, i), *b = rule_node(context, j);

	if (key_a != key_b)
		return key_a < key_b ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return i < j ? -1 : i > j;
}

static int compare_threads(const void *left, const void *right, void *context)
{
	uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;

	return compare_keys(
		context, i, j, rule_node(context, i)->thread, rule_node(context, j)->thread);
}

static int compare_connections(const void *left, const void *right, void *context)
{
	uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;

	return compare_keys(
		context, i, j, rule_node(context, i)->object, rule_node(context, j)->object);
}

static bool list_sent(struct rule_context *context, struct sent *sent)
{
	const struct graph *graph = context->graph;
	size_t size = ((size_t)graph->request_count + 1) * sizeof(*sent->by_thread);

	sent->by_thread = malloc(size);
	sent->by_connection = malloc(size);
	if (!sent->by_thread || !sent->by_connection)
		return false;
	for (uint32_t i = 0; i < graph->request_count; i++) {
		const struct node *node = rule_node(context, graph->requests[i].node);

		if (node->flags & NODE_SERVER || !node->object || node->thread == NODE_NONE)
			continue;
		sent->by_connection[sent->count] = graph->requests[i].node;
		sent->by_thread[sent->count++] = graph->requests[i].node;
	}
	qsort_r(sent->by_thread, sent->count, sizeof(*sent->by_thread), compare_threads, context);
	qsort_r(sent->by_connection, sent->count, sizeof(*sent->by_connection), compare_connections,
		context);
	return true;
}

/* A lock for which several threads wait is one that they share: each waits for a connection alone.
 */
static void find_waiters(struct rule_context *context, struct sent *sent)
{
	for (uint32_t i = 0; i < context->graph->count; i++) {
		const struct node *node = rule_node(context, i);
		uint64_t *place;

		if (node->wait != RT_WAIT_lock || !node->object || node->thread == NODE_NONE)
			continue;
		place = rule_place(context, &sent->waiters, node->object);
		*place = !*place || *place == node->thread + 1 ? node->thread + 1 : SHARED;
	}
}

static bool is_alone(const struct sent *sent, const struct node *wait)
{
	const uint64_t *place = map_find(&sent->waiters, wait->object);

	return place && *place != SHARED;
}

/* The request that a thread sends soon after a moment, or NODE_NONE. */
static uint32_t next_sent(const struct rule_context *context, const struct sent *sent,
	uint32_t thread, int64_t from_ns)
{
	uint32_t low = 0, high = sent->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct node *node = rule_node(context, sent->by_thread[middle]);

		if (node->thread < thread || (node->thread == thread && node->start_ns < from_ns))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == sent->count || rule_node(context, sent->by_thread[low])->thread != thread ||
		rule_node(context, sent->by_thread[low])->start_ns - from_ns >
			limit_ns(context, "max_gap_ms"))
		return NODE_NONE;
	return sent->by_thread[low];
}

/* What was sent on the same connection just before, or NODE_NONE. */
static uint32_t before_it(
	const struct rule_context *context, const struct sent *sent, uint32_t index)
{
	uint32_t low = 0, high = sent->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare_connections(&sent->by_connection[middle], &index, (void *)context) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low ||
		rule_node(context, sent->by_connection[low - 1])->object !=
			rule_node(context, index)->object)
		return NODE_NONE;
	return sent->by_connection[low - 1];
}

/* The request for which a thread waited for a connection, or NODE_NONE. */
static uint32_t waited_for(
	const struct rule_context *context, const struct sent *sent, uint32_t index)
{
	const struct node *wait = rule_node(context, index), *last;
	uint32_t next, before;

	if (wait->wait != RT_WAIT_lock || wait->thread == NODE_NONE ||
		context->units->owner[index] == NODE_NONE ||
		node_duration(wait) < limit_ns(context, "each_ms") || !is_alone(sent, wait) ||
		wait->parent >= context->graph->count ||
		context->graph->nodes[wait->parent].flags & NODE_THREAD)
		return NODE_NONE;
	next = next_sent(context, sent, wait->thread, wait->end_ns);
	before = next == NODE_NONE ? NODE_NONE : before_it(context, sent, next);
	if (before == NODE_NONE)
		return NODE_NONE;
	last = rule_node(context, before);
	return last->thread != wait->thread && last->end_ns > wait->start_ns &&
			wait->end_ns - last->end_ns <= limit_ns(context, "max_gap_ms")
		? next
		: NODE_NONE;
}

/* Of what several of one unit wait for at once, each moment counts once. */
static void look(
	struct rule_context *context, const uint32_t *waits, const uint32_t *sent, uint32_t count)
{
	struct map covered_to = {0};

	for (uint32_t i = 0; i < count; i++) {
		const struct node *wait = rule_node(context, waits[i]);
		struct finding *finding =
			finding_on(context, rule_object_name(context, rule_node(context, sent[i])));
		uint64_t *to = rule_place(context, &covered_to, context->units->owner[waits[i]]);
		int64_t from = wait->start_ns > (int64_t)*to ? wait->start_ns : (int64_t)*to;

		finding_add(context, finding, waits[i], 0);
		finding_occurred(finding, context->units->owner[waits[i]]);
		if (wait->end_ns > from) {
			finding_charge(finding, wait->end_ns - from);
			*to = (uint64_t)wait->end_ns;
		}
	}
	map_free(&covered_to);
}

static void find(
	struct rule_context *context, const struct sent *sent, uint32_t *waits, uint32_t *requests)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < context->graph->count; i++) {
		uint32_t next = waited_for(context, sent, i);

		if (next == NODE_NONE)
			continue;
		waits[count] = i;
		requests[count++] = next;
	}
	if (count >= limit(context, "waits"))
		look(context, waits, requests, count);
}

void rule_pool_exhausted(struct rule_context *context)
{
	size_t count = (size_t)context->graph->count + 1;
	uint32_t *waits = calloc(count, sizeof(*waits));
	uint32_t *requests = calloc(count, sizeof(*requests));
	struct sent sent = {0};

	if (!waits || !requests || !list_sent(context, &sent))
		context->error = -ENOMEM;
	else
		find_waiters(context, &sent);
	if (!context->error)
		find(context, &sent, waits, requests);
	free(waits);
	free(requests);
	map_free(&sent.waiters);
	free(sent.by_thread);
	free(sent.by_connection);
}
