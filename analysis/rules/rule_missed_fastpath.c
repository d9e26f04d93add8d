/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model that was offered one tool and called it: what it decided was known before. Its turn
 * would go.
 */
#include "analysis/rules/rule.h"

void rule_missed_fastpath(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			const struct request *request = rule_request(context, scope, i);
			struct finding *finding;

			if (!(rule_is_chat(context, request) && request->tools_offered == 1 &&
				    request->tools_called))
				continue;
			finding = finding_on_request(context, scope, i);
			finding_add(context, finding, scope->requests[i], REPLAY_WHOLE);
			finding_occurred(finding, scope->unit);
		}
	}
}
