/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model was asked for JSON, answered with something else or was cut off, and was asked once
 * more. The answer that was of no use would go.
 */
#include "analysis/rules/rule.h"

void rule_malformed_output(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			struct finding *finding;

			if (!rule_is_malformed(context, scope, i))
				continue;
			finding = finding_on_request(context, scope, i);
			finding_add(context, finding, scope->requests[i], REPLAY_WHOLE);
			finding_occurred(finding, scope->unit);
		}
	}
}
