/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to one peer, each made after the one before was closed, with the time that looking
 * up, connecting and the TLS handshake took. All but the first would go.
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

/* The connect, the lookup just before it and the handshake on it. */
static void add(struct rule_context *context, struct finding *finding, const struct scope *scope,
	uint32_t i, unsigned cut)
{
	const struct node *node = rule_node(context, scope->calls[i]);

	finding_add(context, finding, scope->calls[i], cut);
	for (uint32_t j = i; j-- && i - j < 4;) {
		const struct node *other = rule_node(context, scope->calls[j]);

		if (other->wait == RT_WAIT_dns && other->thread == node->thread)
			finding_add(context, finding, scope->calls[j], cut);
		if (other->wait == RT_WAIT_connect)
			break;
	}
	for (uint32_t j = i + 1; j < scope->call_count && j - i < 16; j++) {
		const struct node *other = rule_node(context, scope->calls[j]);

		if (other->wait == RT_WAIT_tls && other->object == node->object)
			finding_add(context, finding, scope->calls[j], cut);
	}
}

/* `again`: each connect that could have been spared, and the first one before them. */
enum { NEEDED = 1, SPARED };

static void count_connects(struct rule_context *context, const struct scope *scope,
	struct map *counts, struct map *again)
{
	struct map last = {0};

	for (uint32_t i = 0; i < scope->call_count; i++) {
		const struct node *node = rule_node(context, scope->calls[i]);
		uint64_t *before;

		if (!is_connect(context, node))
			continue;
		before = rule_place(context, &last, rule_object_text(context, node));
		if (*before &&
			could_serve(context, rule_node(context, scope->calls[*before - 1]), node)) {
			*rule_place(context, again, i) = SPARED;
			if (!map_find(again, *before - 1))
				*rule_place(context, again, *before - 1) = NEEDED;
			*rule_place(context, counts, rule_object_text(context, node)) += 1;
		}
		*before = i + 1;
	}
	map_free(&last);
}

void rule_conn_no_reuse(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];
		struct map counts = {0}, again = {0};

		count_connects(context, scope, &counts, &again);
		for (uint32_t i = 0; again.count && i < scope->call_count; i++) {
			const struct node *node = rule_node(context, scope->calls[i]);
			struct finding *finding;

			if (!map_find(&again, i) ||
				(double)*rule_place(
					context, &counts, rule_object_text(context, node)) +
						1 <
					limit(context, "connections"))
				continue;
			finding = finding_on(context, rule_object_name(context, node));
			add(context, finding, scope, i,
				*map_find(&again, i) == SPARED ? REPLAY_WHOLE : 0);
			finding_occurred(finding, scope->unit);
		}
		map_free(&counts);
		map_free(&again);
	}
}
