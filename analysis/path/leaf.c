/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/path/leaf.h"

#include "analysis/path/requests.h"
#include "wire/event.h"

static void add_between(
	const struct section_of_path *section, int64_t from_ns, int64_t to_ns, int64_t *leaf)
{
	int64_t start = section->start_ns > from_ns ? section->start_ns : from_ns;
	int64_t end = section->end_ns < to_ns ? section->end_ns : to_ns;

	if (end > start)
		*leaf += end - start;
}

/* Moments after the start; one that is unknown is the one before it. */
static void add_request(const struct request *request, const struct node *node,
	const struct section_of_path *section, int64_t leaves[WAIT_CLASSES])
{
	int64_t sent = node->start_ns, first, last;

	if (request->request_end_ns > 0)
		sent += request->request_end_ns;
	first = sent;
	if (request->first_token_ns != FACT_UNKNOWN)
		first = node->start_ns + request->first_token_ns;
	else if (request->first_byte_ns != FACT_UNKNOWN)
		first = node->start_ns + request->first_byte_ns;
	if (first < sent)
		first = sent;
	last = first;
	if (request->last_token_ns != FACT_UNKNOWN &&
		node->start_ns + request->last_token_ns > first)
		last = node->start_ns + request->last_token_ns;
	add_between(section, node->start_ns, sent, &leaves[RT_WAIT_sending]);
	add_between(section, sent, first,
		&leaves[request->first_token_ns != FACT_UNKNOWN ? RT_WAIT_first_token
								: RT_WAIT_answer]);
	add_between(section, first, last, &leaves[RT_WAIT_token_stream]);
	add_between(section, last, INT64_MAX, &leaves[RT_WAIT_network]);
}

static bool has_requests(const struct graph *graph, const struct node *node)
{
	for (uint32_t i = 0; i < node->child_count; i++) {
		if (graph->nodes[graph->by_start[node->first + i]].request != NODE_NONE)
			return true;
	}
	return false;
}

/* Its time in no child. */
static int64_t own_time(const struct graph *graph, const struct node *node)
{
	int64_t own_ns = node_duration(node), covered_to = node->start_ns;

	for (uint32_t i = 0; i < node->child_count; i++) {
		const struct node *child = &graph->nodes[graph->by_start[node->first + i]];
		int64_t start = child->start_ns > covered_to ? child->start_ns : covered_to;
		int64_t end = child->end_ns < node->end_ns ? child->end_ns : node->end_ns;

		if (end > start) {
			own_ns -= end - start;
			covered_to = end;
		}
	}
	return own_ns;
}

/* Each class's share of `part_ns` of the node's own time. */
static int64_t add_folded(const struct graph *graph, const struct node *node, int64_t part_ns,
	int64_t leaves[WAIT_CLASSES])
{
	int64_t sums[WAIT_CLASSES] = {0}, own_ns = own_time(graph, node), total = 0, charged = 0;

	if (!graph->folds)
		return 0;
	if (node->flags & NODE_THREAD)
		fold_tree_waits(
			graph->folds, FOLD_BELOW_THREAD, graph->threads[node->thread].id, sums);
	fold_tree_waits(graph->folds, FOLD_BELOW_SPAN, node->id, sums);
	/* the small calls of requests stand here too, and are charged to those */
	if (has_requests(graph, node))
		sums[RT_WAIT_network] = sums[RT_WAIT_poll] = 0;
	for (unsigned i = 1; i < WAIT_CLASSES; i++)
		total += sums[i];
	if (total > own_ns)
		own_ns = total;
	for (unsigned i = 1; own_ns > 0 && i < WAIT_CLASSES; i++) {
		int64_t share = (int64_t)((double)part_ns * (double)sums[i] / (double)own_ns);

		leaves[i] += share;
		charged += share;
	}
	return charged < part_ns ? charged : part_ns;
}

void leaf_add_own(const struct graph *graph, const struct node *node, int64_t own_ns,
	int64_t leaves[WAIT_CLASSES])
{
	int64_t cpu_ns = 0, queue_ns = 0;

	if (node->thread != NODE_NONE) {
		const struct graph_thread *thread = &graph->threads[node->thread];

		own_ns -= add_folded(graph, node, own_ns, leaves);
		if (thread->has_cpu) {
			cpu_ns = (int64_t)((double)own_ns * thread->cpu_part);
			queue_ns = (int64_t)((double)own_ns * thread->queue_part);
		}
	}
	leaves[RT_WAIT_cpu] += cpu_ns;
	leaves[RT_WAIT_runqueue] += queue_ns;
	leaves[RT_WAIT_unknown] += own_ns - cpu_ns - queue_ns;
}

bool leaf_is_own(const struct node *node)
{
	if (node->request != NODE_NONE)
		return node->flags & NODE_SERVER;
	return node->wait == RT_WAIT_none;
}

void leaf_add(const struct graph *graph, const struct section_of_path *section,
	int64_t leaves[WAIT_CLASSES])
{
	const struct node *node = &graph->nodes[section->node];
	const struct request *request = node_request(graph, node);

	if (request)
		add_request(request, node, section, leaves);
	else
		leaves[node_is_sleep(node) ? RT_WAIT_sleep : node->wait % WAIT_CLASSES] +=
			section->end_ns - section->start_ns;
}
