/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls over HTTP that do not overlap, long ones, to few hosts, of one kind: whether one needs the
 * answer of another the bytes do not tell, so confidence is low. Calls of a conversation, each
 * longer than the one before, do need it, and so do those that differ in kind.
 */
#include "analysis/rules/rule.h"

static bool can_join(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	const struct request *request = rule_request(context, scope, i);

	return rule_is_http(context, request) && !rule_is_database(context, request) &&
		!rule_failed(context, request) &&
		node_duration(rule_node(context, scope->requests[i])) >=
		limit_ns(context, "each_ms");
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
		rule_template(context, scope, i + count) == rule_template(context, scope, i) &&
		rule_follows(rule_node(context, scope->requests[i + count - 1]),
			rule_node(context, scope->requests[i + count]),
			limit_ns(context, "max_gap_ms")) &&
		!is_conversation(rule_request(context, scope, i + count - 1),
			rule_request(context, scope, i + count)))
		count++;
	return count;
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
			if (count >= limit(context, "calls") &&
				rule_sum(context, scope, i, count) -
						rule_longest(context, scope, i, count) >=
					limit_ns(context, "saving_ms"))
				finding_add_run(context, finding_on_request(context, scope, i),
					scope, i, count);
		}
	}
}
