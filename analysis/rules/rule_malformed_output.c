/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model was asked for JSON, answered with something else or was cut off, and was asked once
 * more. The answer that was of no use would go.
 */
#include <string.h>

#include "analysis/rules/rule.h"

static bool is_malformed(const struct rule_context *context, const struct request *request)
{
	if (strncmp(rule_text(context, request->output_type), "json", 4) != 0)
		return false;
	return !strcmp(rule_text(context, request->output_valid), "false") ||
		!strncmp(rule_text(context, request->finish), "length", 6) ||
		!strncmp(rule_text(context, request->finish), "max_tokens", 10);
}

static bool is_asked_again(
	const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	for (uint32_t j = i + 1; j < scope->request_count && j - i < RULE_NEAR; j++) {
		const struct request *request = rule_request(context, scope, j);

		if (rule_is_chat(context, request))
			return request->output_type ==
				rule_request(context, scope, i)->output_type &&
				request->model == rule_request(context, scope, i)->model;
	}
	return false;
}

void rule_malformed_output(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			struct finding *finding;

			if (!rule_is_chat(context, rule_request(context, scope, i)) ||
				!is_malformed(context, rule_request(context, scope, i)) ||
				!is_asked_again(context, scope, i))
				continue;
			finding = finding_on_request(context, scope, i);
			finding_add(context, finding, scope->requests[i], REPLAY_WHOLE);
			finding_occurred(finding, scope->unit);
		}
	}
}
