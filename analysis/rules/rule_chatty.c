/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Very many calls over HTTP within one request that the program answers. No saving is told: which
 * of them could be one is not known.
 */
#include "analysis/rules/rule.h"

void rule_chatty(struct rule_context *context)
{
	for (uint32_t s = 0; context->units->are_requests && s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];
		struct finding *finding;
		uint32_t calls = 0;

		for (uint32_t i = 0; i < scope->request_count; i++)
			calls += rule_is_http(context, rule_request(context, scope, i));
		if (scope->unit == NODE_NONE || calls <= limit(context, "calls"))
			continue;
		finding = finding_on(context,
			node_name(context->graph,
				rule_node(context, context->units->list[scope->unit].root)));
		for (uint32_t i = 0; i < scope->request_count; i++) {
			if (rule_is_http(context, rule_request(context, scope, i)))
				finding_add(context, finding, scope->requests[i], 0);
		}
		finding_occurred(finding, scope->unit);
		if (calls > limit(context, "critical_calls"))
			finding_escalate(finding);
	}
}
