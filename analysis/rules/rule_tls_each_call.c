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

static void look(struct rule_context *context, const struct scope *scope, uint32_t i,
	uint64_t count, uint64_t *seen)
{
	const char *name = rule_object_name(context, rule_node(context, scope->calls[i]));
	struct finding *finding;

	if ((double)count + 1 < limit(context, "handshakes"))
		return;
	finding = finding_on(context, name);
	finding_add(context, finding, scope->calls[i], *seen ? REPLAY_WHOLE : 0);
	if (!*seen)
		finding_occurred(finding, scope->unit);
	*seen = 1;
}

void rule_tls_each_call(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];
		struct map connections = {0}, counts = {0}, seen = {0}, closed = {0};

		for (uint32_t pass = 0; pass < 2; pass++) {
			for (uint32_t i = 0; i < scope->call_count; i++) {
				const struct node *node = rule_node(context, scope->calls[i]);
				uint32_t name = rule_object_text(context, node);

				if (!is_handshake(context, node))
					continue;
				if (pass) {
					look(context, scope, i, *rule_place(context, &counts, name),
						rule_place(context, &seen, name));
				} else if (!map_find(&connections, node->object)) {
					/* a handshake without blocking takes several calls */
					*rule_place(context, &connections, node->object) = 1;
					*rule_place(context, &counts, name) += could_resume(
						context, node, rule_place(context, &closed, name));
				}
			}
		}
		map_free(&connections);
		map_free(&counts);
		map_free(&closed);
		map_free(&seen);
	}
}
