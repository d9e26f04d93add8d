/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A long answer of a model that came in one piece: with a stream the first words would be there
 * long before. The time to the end stays what it is.
 */
#include "analysis/rules/rule.h"

static bool is_whole(const struct rule_context *context, const struct request *request)
{
	return rule_is_chat(context, request) && !rule_failed(context, request) &&
		(request->stream == FACT_UNKNOWN || !request->stream) &&
		request->output_tokens > 1 && !request->tools_called;
}

void rule_no_streaming(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			struct finding *finding;

			if (!is_whole(context, rule_request(context, scope, i)) ||
				node_duration(rule_node(context, scope->requests[i])) <
					limit_ns(context, "each_ms"))
				continue;
			finding = finding_on_request(context, scope, i);
			finding_add(context, finding, scope->requests[i], 0);
			finding_occurred(finding, scope->unit);
			finding_note(finding, "the first words come sooner, the last ones do not");
		}
	}
}
