/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prompts that begin alike, long enough for the provider's cache and soon enough after each other,
 * of which nothing came from it. What reading them took again is not known, so no saving is told.
 */
#include "analysis/rules/rule.h"

static bool is_candidate(const struct rule_context *context, const struct request *request)
{
	return rule_is_chat(context, request) && request->prefix_hash &&
		request->input_tokens != FACT_UNKNOWN &&
		(double)request->input_tokens >= limit(context, "input_tokens") &&
		request->cached_tokens == 0 && !rule_failed(context, request);
}

static void look(
	struct rule_context *context, const struct scope *scope, uint32_t first, uint32_t i)
{
	struct finding *finding;

	if (rule_node(context, scope->requests[i])->start_ns -
			rule_node(context, scope->requests[first])->end_ns >
		limit_ns(context, "max_age_ms"))
		return;
	finding = finding_on_request(context, scope, i);
	finding_add(context, finding, scope->requests[i], 0);
	finding_occurred(finding, scope->unit);
}

void rule_prompt_cache_miss(struct rule_context *context)
{
	struct map before = {0}; /* prefix: scope and place + 1 */

	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		map_free(&before);
		for (uint32_t i = 0; i < scope->request_count; i++) {
			const struct request *request = rule_request(context, scope, i);
			uint64_t *place;

			if (!is_candidate(context, request))
				continue;
			place = rule_place(context, &before, request->prefix_hash);
			if (*place)
				look(context, scope, (uint32_t)*place - 1, i);
			*place = i + 1;
		}
	}
	map_free(&before);
}
