/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of one process to one peer, each made after the one before was closed: what it took
 * to look up, connect and shake hands, up to the request. All but the first would go.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

static bool is_connect(const struct rule_context *context, const struct node *node)
{
	return node->wait == RT_WAIT_connect && !(node->flags & NODE_FAILED) &&
		rule_object_text(context, node);
}

/* It was over when the later connection was made, and could have carried what that was made for. */
static bool could_serve(
	const struct rule_context *context, const struct node *first, const struct node *second)
{
	const struct rule_object *object = rule_object(context, first->object);

	return first->end_ns <= second->start_ns && first->object != second->object &&
		object->closed_ns && object->closed_ns <= second->start_ns + 1000000 &&
		second->start_ns - object->closed_ns <= limit_ns(context, "max_idle_ms");
}

/* The call of a lookup just before the connect, or the connect's own. */
static uint32_t lookup_of(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	const struct node *node = rule_node(context, scope->calls[i]);

	for (uint32_t j = i; j-- && i - j < 4;) {
		const struct node *other = rule_node(context, scope->calls[j]);

		if (other->wait == RT_WAIT_dns && other->thread == node->thread)
			return j;
		if (other->wait == RT_WAIT_connect)
			break;
	}
	return i;
}

/* From the first of it to the first request on the connection. */
static int64_t set_up_ns(
	const struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t lookup)
{
	const struct node *node = rule_node(context, scope->calls[i]);
	const struct node *first = rule_node(context, scope->calls[lookup]);

	for (uint32_t j = rule_first_request(context, scope, node->start_ns), near = 0;
		j < scope->request_count && near < RULE_NEAR; j++, near++) {
		const struct node *request = rule_node(context, scope->requests[j]);

		if (request->object == node->object)
			return request->start_ns - first->start_ns;
	}
	return node->end_ns - first->start_ns;
}

/* The connect, the lookup just before it and the handshake on it. */
static void add(struct rule_context *context, struct finding *finding, const struct scope *scope,
	uint32_t i, unsigned cut)
{
	const struct node *node = rule_node(context, scope->calls[i]);
	uint32_t lookup = lookup_of(context, scope, i);

	finding_add(context, finding, scope->calls[i], cut);
	if (lookup != i)
		finding_add(context, finding, scope->calls[lookup], cut);
	for (uint32_t j = i + 1; j < scope->call_count && j - i < 16; j++) {
		const struct node *other = rule_node(context, scope->calls[j]);

		if (other->wait == RT_WAIT_tls && other->object == node->object)
			finding_add(context, finding, scope->calls[j], cut);
	}
	if (cut && scope->unit != NODE_NONE)
		finding_floor(finding, set_up_ns(context, scope, i, lookup));
}

/* Connections to what the trace itself answers, by those who ask it: not what users wait for. */
static void find_inner(struct rule_context *context, struct map *inner)
{
	const struct graph *graph = context->graph;

	for (uint32_t i = 0; context->units->are_requests && i < graph->request_count; i++) {
		const struct node *node = rule_node(context, graph->requests[i].node);

		if (node->flags & NODE_ANSWERED)
			*rule_place(context, inner, node->object) = 1;
	}
}

/* `again`: each connect that could have been spared, and the first one before them. */
enum { NEEDED = 1, SPARED };

static void count_connects(struct rule_context *context, struct map *counts, struct map *again)
{
	struct map last = {0}, inner = {0};

	find_inner(context, &inner);
	for (uint32_t i = 0; i < context->call_count; i++) {
		const struct rule_call *call = &context->calls[i];
		const struct node *node = rule_call_node(context, call);
		uint64_t *before, key;

		if (!is_connect(context, node) ||
			(context->scopes[call->scope].unit == NODE_NONE &&
				map_find(&inner, node->object)))
			continue;
		key = rule_process_key(context, call, rule_object_text(context, node));
		before = rule_place(context, &last, key);
		if (*before &&
			could_serve(context, rule_call_node(context, &context->calls[*before - 1]),
				node)) {
			*rule_place(context, again, i) = SPARED;
			if (!map_find(again, *before - 1))
				*rule_place(context, again, *before - 1) = NEEDED;
			*rule_place(context, counts, key) += 1;
		}
		*before = i + 1;
	}
	map_free(&last);
	map_free(&inner);
}

void rule_conn_no_reuse(struct rule_context *context)
{
	struct map counts = {0}, again = {0};

	count_connects(context, &counts, &again);
	for (uint32_t i = 0; again.count && i < context->call_count; i++) {
		const struct rule_call *call = &context->calls[i];
		const struct scope *scope = &context->scopes[call->scope];
		const struct node *node = rule_call_node(context, call);
		uint64_t *kind = map_find(&again, i), *count;
		struct finding *finding;

		if (!kind)
			continue;
		count = map_find(
			&counts, rule_process_key(context, call, rule_object_text(context, node)));
		if (!count || (double)*count + 1 < limit(context, "connections"))
			continue;
		finding = finding_on(context, rule_object_name(context, node));
		add(context, finding, scope, call->index, *kind == SPARED ? REPLAY_WHOLE : 0);
		finding_occurred(finding, scope->unit);
	}
	map_free(&counts);
	map_free(&again);
}
