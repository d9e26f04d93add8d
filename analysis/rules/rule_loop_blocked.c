/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call that blocks for long in a thread that runs an event loop: everything else that the loop
 * serves stands still meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/rules/rule.h"
#include "wire/event.h"

/* When a thread was first and last seen to wait for events. */
struct loop {
	int64_t first_ns, last_ns;
	uint32_t count;
};

static bool is_loop_wait(const struct rule_context *context, const struct node *node)
{
	return node->wait == RT_WAIT_poll && !strcmp(node_name(context->graph, node), "epoll_wait");
}

static void find_loops(struct rule_context *context, struct loop *loops)
{
	for (uint32_t i = 0; i < context->graph->count; i++) {
		const struct node *node = rule_node(context, i);
		struct loop *loop;

		if (node->thread == NODE_NONE || !is_loop_wait(context, node))
			continue;
		loop = &loops[node->thread];
		if (!loop->count++ || node->start_ns < loop->first_ns)
			loop->first_ns = node->start_ns;
		if (node->end_ns > loop->last_ns)
			loop->last_ns = node->end_ns;
	}
}

static bool blocks(
	const struct rule_context *context, const struct node *node, const struct loop *loop)
{
	if (node->request != NODE_NONE || node->flags & NODE_UNFINISHED || node->child_count ||
		node_duration(node) < limit_ns(context, "each_ms"))
		return false;
	if (node->start_ns < loop->first_ns || node->end_ns > loop->last_ns)
		return false;
	return node->wait == RT_WAIT_network || node->wait == RT_WAIT_sleep ||
		node->wait == RT_WAIT_disk || node->wait == RT_WAIT_dns ||
		node->wait == RT_WAIT_process || node->wait == RT_WAIT_lock ||
		node->wait == RT_WAIT_connect || node->wait == RT_WAIT_pipe;
}

void rule_loop_blocked(struct rule_context *context)
{
	struct loop *loops = calloc((size_t)context->graph->thread_count + 1, sizeof(*loops));

	if (!loops) {
		context->error = -ENOMEM;
		return;
	}
	find_loops(context, loops);
	for (uint32_t i = 0; i < context->graph->count; i++) {
		const struct node *node = rule_node(context, i);
		struct finding *finding;

		if (node->thread == NODE_NONE || loops[node->thread].count < 2 ||
			!blocks(context, node, &loops[node->thread]))
			continue;
		finding = finding_on(context, node_name(context->graph, node));
		finding_add(context, finding, i, 0);
		finding_occurred(finding, context->units->owner[i]);
	}
	free(loops);
}
