/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Very many queries under way to one database at once: they wait for each other there, or for the
 * pool's connections.
 */
#include <errno.h>
#include <stdlib.h>

#include "analysis/rules/rule.h"

/* Connections with a query under way when the i-th begins, its own included; queries stand in the
 * order of starts. Of a pipeline all are one connection's. */
static uint32_t in_flight(const struct rule_context *context, const uint32_t *nodes, uint32_t i)
{
	int64_t start_ns = rule_node(context, nodes[i])->start_ns;
	uint32_t seen[RULE_NEAR], count = 1;

	seen[0] = rule_node(context, nodes[i])->object;
	for (uint32_t j = i; j-- && i - j < RULE_NEAR;) {
		const struct node *node = rule_node(context, nodes[j]);
		uint32_t k = 0;

		while (k < count && seen[k] != node->object)
			k++;
		if (k == count && node->end_ns > start_ns)
			seen[count++] = node->object;
	}
	return count;
}

static int compare(const void *left, const void *right, void *context)
{
	const struct node *a = rule_node(context, *(const uint32_t *)left);
	const struct node *b = rule_node(context, *(const uint32_t *)right);

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Those to one peer stand together. */
static int compare_peers(const void *left, const void *right, void *context)
{
	uint32_t a = rule_object_text(context, rule_node(context, *(const uint32_t *)left));
	uint32_t b = rule_object_text(context, rule_node(context, *(const uint32_t *)right));

	return a != b ? (a < b ? -1 : 1) : compare(left, right, context);
}

/* What was under way at such a moment, too: all of it waited for the rest. */
static void look(struct rule_context *context, const uint32_t *nodes, uint32_t count)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct node *node = rule_node(context, nodes[i]);
		struct finding *finding;

		if (in_flight(context, nodes, i) < limit(context, "in_flight"))
			continue;
		finding = finding_on(context, rule_object_name(context, node));
		for (next = next + RULE_NEAR > i ? next : i - RULE_NEAR; next <= i; next++) {
			if (rule_node(context, nodes[next])->end_ns > node->start_ns || next == i)
				finding_add(context, finding, nodes[next], 0);
		}
		finding_occurred(finding, context->units->owner[nodes[i]]);
	}
}

void rule_pool_saturation(struct rule_context *context)
{
	const struct graph *graph = context->graph;
	uint32_t *nodes = calloc((size_t)graph->request_count + 1, sizeof(*nodes));
	uint32_t count = 0;

	if (!nodes) {
		context->error = -ENOMEM;
		return;
	}
	for (uint32_t i = 0; i < graph->request_count; i++) {
		const struct node *node = rule_node(context, graph->requests[i].node);

		if (rule_is_database(context, &graph->requests[i]) &&
			!(node->flags & NODE_SERVER) && node->object)
			nodes[count++] = graph->requests[i].node;
	}
	qsort_r(nodes, count, sizeof(*nodes), compare_peers, context);
	for (uint32_t i = 0, next; i < count; i = next) {
		uint32_t peer = rule_object_text(context, rule_node(context, nodes[i]));

		for (next = i + 1; next < count &&
			rule_object_text(context, rule_node(context, nodes[next])) == peer;
			next++)
			;
		look(context, nodes + i, next - i);
	}
	free(nodes);
}
