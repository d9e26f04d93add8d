/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are the same byte for byte, in one unit, of which the first was answered. All but
 * the first would go. What a cache was asked for in between is cache_miss_repeat's, and what had
 * to be asked again malformed_output's.
 */
#include <string.h>

#include "analysis/rules/rule.h"
#include "wire/event.h"

static bool is_miss(const struct rule_context *context, const struct request *request)
{
	return request_class(context->graph, request) == RT_CLASS_cache_lookup &&
		!strcmp(rule_text(context, request->cache), "miss");
}

/* `first`: place of the one before + 1; `miss`: of the last look-up in vain + 1. */
static void look(struct rule_context *context, const struct scope *scope, uint32_t i,
	uint64_t *first, uint64_t miss)
{
	struct finding *finding;
	bool is_repeat = *first && miss < *first;

	if (!rule_failed(context, rule_request(context, scope, i)))
		*first = rule_is_malformed(context, scope, i) ? 0 : i + 1;
	if (!is_repeat)
		return;
	finding = finding_on_request(context, scope, i);
	finding_add(context, finding, scope->requests[i], REPLAY_WHOLE);
	finding_occurred(finding, scope->unit);
}

void rule_redundant_call(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];
		struct map answered = {0};
		uint64_t miss = 0;

		for (uint32_t i = 0; i < scope->request_count; i++) {
			const struct request *request = rule_request(context, scope, i);

			if (is_miss(context, request))
				miss = i + 1;
			if (request->request_hash)
				look(context, scope, i,
					rule_place(context, &answered,
						(uint64_t)rule_template(context, scope, i) << 32 |
							request->request_hash),
					miss);
		}
		map_free(&answered);
	}
}
