/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A prompt of very many tokens. What beyond the limit they cost is the time to the first token, in
 * the part that they are of the prompt.
 */
#include "analysis/rules/rule.h"

/* Of the whole call: reading what is above the limit. */
static unsigned reading_part(const struct rule_context *context, const struct request *request)
{
	const struct node *node = rule_node(context, request->node);
	double over = 1 - limit(context, "input_tokens") / (double)request->input_tokens;

	if (request->first_token_ns == FACT_UNKNOWN || node_duration(node) <= 0)
		return 0;
	return (unsigned)(over * 1000 * (double)request->first_token_ns /
		(double)node_duration(node));
}

void rule_token_overhead(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			const struct request *request = rule_request(context, scope, i);
			struct finding *finding;

			if (!(rule_is_chat(context, request) &&
				    request->input_tokens != FACT_UNKNOWN &&
				    (double)request->input_tokens > limit(context, "input_tokens")))
				continue;
			finding = finding_on_request(context, scope, i);
			finding_add(context, finding, scope->requests[i],
				reading_part(context, request));
			finding_occurred(finding, scope->unit);
		}
	}
}
