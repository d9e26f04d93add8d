/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embedding requests of one text each to one model, each soon after the one before. The API takes
 * a list: what one request costs beside its text would be paid once.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

static bool is_single(const struct rule_context *context, const struct request *request)
{
	return request_class(context->graph, request) == RT_CLASS_embedding_generation &&
		request->genai && request->embedding_inputs == 1;
}

/* Other requests between two of them (a cache, a database) do not part them; a chat does. */
static uint32_t next_of(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	for (uint32_t j = i + 1; j < scope->request_count; j++) {
		const struct request *request = rule_request(context, scope, j);

		if (rule_is_chat(context, request))
			break;
		if (!is_single(context, request) ||
			request->model != rule_request(context, scope, i)->model)
			continue;
		return rule_node(context, scope->requests[j])->start_ns -
					rule_node(context, scope->requests[i])->end_ns <=
				limit_ns(context, "max_gap_ms")
			? j
			: NODE_NONE;
	}
	return NODE_NONE;
}

static uint32_t look(struct rule_context *context, const struct scope *scope, uint32_t first)
{
	uint32_t count = 1, last = first, longest = first;
	struct finding *finding;

	for (uint32_t j = next_of(context, scope, first); j != NODE_NONE;
		j = next_of(context, scope, j)) {
		if (node_duration(rule_node(context, scope->requests[j])) >
			node_duration(rule_node(context, scope->requests[longest])))
			longest = j;
		last = j;
		count++;
	}
	if (count < limit(context, "calls"))
		return last;
	finding = finding_on_request(context, scope, first);
	for (uint32_t j = first; j != NODE_NONE; j = next_of(context, scope, j))
		finding_add(context, finding, scope->requests[j], j == longest ? 0 : REPLAY_WHOLE);
	if (last - first + 1 == count)
		finding_floor(finding, rule_run_cost(context, scope, first, count));
	finding_occurred(finding, scope->unit);
	return last;
}

void rule_unbatched_embeddings(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			if (is_single(context, rule_request(context, scope, i)))
				i = look(context, scope, i);
		}
	}
}
