/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls over HTTP that do not overlap, long ones, to few hosts, of one kind: whether one needs the
 * answer of another the bytes do not tell, so confidence is low. Calls of a conversation, each
 * longer than the one before, do need it, and so do those that differ in kind.
 */
#include <string.h>

#include "analysis/rules/rule.h"

/* A coroutine that awaits one call after the other says by itself that it could do otherwise. */
static bool is_on_loop(const struct rule_context *context, const struct node *node)
{
	const struct section_of_path all = {
		(uint32_t)(node - context->graph->nodes), node->start_ns, node->end_ns};

	return node->thread != NODE_NONE &&
		events_during(context->graph, &context->units->events, &all).waited_ns >
		node_duration(node) / 2;
}

static bool can_join(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	const struct request *request = rule_request(context, scope, i);
	const struct node *node = rule_node(context, scope->requests[i]);

	return rule_is_http(context, request) && !rule_is_database(context, request) &&
		!rule_failed(context, request) &&
		node_duration(node) >=
		limit_ns(context, is_on_loop(context, node) ? "loop_each_ms" : "each_ms");
}

/* Of one kind, or reads of one service, which need no answer to ask. */
static bool are_of_kind(
	const struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t j)
{
	const struct request *a = rule_request(context, scope, i);
	const struct request *b = rule_request(context, scope, j);

	return rule_template(context, scope, i) == rule_template(context, scope, j) ||
		(!a->genai && !b->genai && a->host == b->host && a->port == b->port &&
			a->method == b->method && !strcmp(rule_text(context, a->method), "GET"));
}

/* A prompt that holds the answer before it has more tokens than that. Where the answer's are an
 * estimate, a prompt that has grown at all is taken for one: better silent than wrong. */
static bool is_conversation(const struct request *first, const struct request *second)
{
	if (first->tokens_estimated != FACT_UNKNOWN)
		return second->input_tokens > first->input_tokens;
	return first->output_tokens != FACT_UNKNOWN && second->input_tokens != FACT_UNKNOWN &&
		first->input_tokens != FACT_UNKNOWN &&
		second->input_tokens >= first->input_tokens + first->output_tokens / 2;
}

static uint32_t run_from(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	uint32_t count = 1;

	while (i + count < scope->request_count && can_join(context, scope, i + count) &&
		are_of_kind(context, scope, i, i + count) &&
		rule_follows(rule_node(context, scope->requests[i + count - 1]),
			rule_node(context, scope->requests[i + count]),
			limit_ns(context, "max_gap_ms")) &&
		!is_conversation(rule_request(context, scope, i + count - 1),
			rule_request(context, scope, i + count)))
		count++;
	return count;
}

static void look(
	struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t count)
{
	int64_t saving_ns =
		rule_sum(context, scope, i, count) - rule_longest(context, scope, i, count);
	bool on_loop = is_on_loop(context, rule_node(context, scope->requests[i]));
	struct finding *finding;

	if (count < limit(context, "calls") ||
		saving_ns < limit_ns(context, on_loop ? "loop_saving_ms" : "saving_ms"))
		return;
	finding = finding_on_request(context, scope, i);
	finding_add_run(context, finding, scope, i, count);
	/* one task waits for another's call: what the path shows there are events */
	if (on_loop)
		finding_floor(finding, saving_ns);
}

void rule_consecutive_calls(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0, count; i < scope->request_count; i += count) {
			count = 1;
			if (!can_join(context, scope, i))
				continue;
			count = run_from(context, scope, i);
			look(context, scope, i, count);
		}
	}
}
