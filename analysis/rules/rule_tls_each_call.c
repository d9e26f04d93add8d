/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Full TLS handshakes to one peer: sessions are not resumed, and connections not kept. All but the
 * first would go.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

/* The outermost of a library's handshake functions. */
static bool is_handshake(const struct rule_context *context, const struct node *node)
{
	return node->wait == RT_WAIT_tls && rule_object_text(context, node) &&
		(node->parent >= context->graph->count ||
			context->graph->nodes[node->parent].wait != RT_WAIT_tls);
}

/* An earlier connection to the same peer is over: its session could have been resumed. */
static bool could_resume(
	const struct rule_context *context, const struct node *node, uint64_t *closed_ns)
{
	const struct rule_object *object = rule_object(context, node->object);
	bool could = *closed_ns && (int64_t)*closed_ns <= node->start_ns;

	if (object->closed_ns && (!*closed_ns || object->closed_ns < (int64_t)*closed_ns))
		*closed_ns = (uint64_t)object->closed_ns;
	return could;
}

/* Of one peer: handshakes that could have been spared, the first close, told already. */
struct peers {
	struct map connections, counts, closed, seen;
};

static void count(struct rule_context *context, struct peers *peers, const struct rule_call *call)
{
	const struct node *node = rule_call_node(context, call);
	uint64_t key = rule_process_key(context, call, rule_object_text(context, node));

	/* a handshake without blocking takes several calls */
	if (map_find(&peers->connections, node->object))
		return;
	*rule_place(context, &peers->connections, node->object) = 1;
	*rule_place(context, &peers->counts, key) +=
		could_resume(context, node, rule_place(context, &peers->closed, key));
}

static void look(struct rule_context *context, struct peers *peers, const struct rule_call *call)
{
	const struct scope *scope = &context->scopes[call->scope];
	const struct node *node = rule_call_node(context, call);
	uint64_t key = rule_process_key(context, call, rule_object_text(context, node));
	uint64_t *seen = rule_place(context, &peers->seen, key);
	struct finding *finding;

	if ((double)*rule_place(context, &peers->counts, key) + 1 < limit(context, "handshakes"))
		return;
	finding = finding_on(context, rule_object_name(context, node));
	finding_add(context, finding, scope->calls[call->index], *seen ? REPLAY_WHOLE : 0);
	finding_occurred(finding, scope->unit);
	*seen = 1;
}

void rule_tls_each_call(struct rule_context *context)
{
	struct peers peers = {0};

	for (uint32_t i = 0; i < context->call_count; i++) {
		if (is_handshake(context, rule_call_node(context, &context->calls[i])))
			count(context, &peers, &context->calls[i]);
	}
	for (uint32_t i = 0; peers.counts.count && i < context->call_count; i++) {
		if (is_handshake(context, rule_call_node(context, &context->calls[i])))
			look(context, &peers, &context->calls[i]);
	}
	map_free(&peers.connections);
	map_free(&peers.counts);
	map_free(&peers.closed);
	map_free(&peers.seen);
}
