/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One tool called more often than an agent that gets on calls it: by its MCP name, or by the
 * models that answer with a call of tools. Every call beyond the limit would go, and each model's
 * turn that asked for it.
 */
#include "analysis/rules/rule.h"

static uint32_t tool_of(const struct request *request)
{
	return request->tool ? request->tool : request->tool_called;
}

void rule_agent_loop(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];
		struct map counts = {0}, seen = {0};

		for (uint32_t i = 0; i < scope->request_count; i++) {
			const struct request *request = rule_request(context, scope, i);

			if (tool_of(request) && !rule_failed(context, request))
				*rule_place(context, &counts, tool_of(request)) += 1;
		}
		for (uint32_t i = 0; counts.count && i < scope->request_count; i++) {
			uint32_t tool = tool_of(rule_request(context, scope, i));
			struct finding *finding;
			uint64_t *place;

			if (!tool ||
				(double)*rule_place(context, &counts, tool) <
					limit(context, "calls"))
				continue;
			place = rule_place(context, &seen, tool);
			finding = finding_on(context, rule_text(context, tool));
			if (!*place)
				finding_occurred(finding, scope->unit);
			finding_add(context, finding, scope->requests[i],
				(double)++*place < limit(context, "calls") ? 0 : REPLAY_WHOLE);
		}
		map_free(&counts);
		map_free(&seen);
	}
}
