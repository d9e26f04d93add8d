/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GETs of one path template, each soon after the one before. They could be one call or run at
 * once: the longest stays.
 */
#include <string.h>

#include "analysis/rules/rule.h"

static bool is_fetch(const struct rule_context *context, const struct request *request)
{
	return !strcmp(rule_text(context, request->method), "GET") && !request->system &&
		!request->genai;
}

static uint32_t run_from(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	uint32_t count = 1;

	while (i + count < scope->request_count &&
		rule_alike(rule_text(context, rule_template(context, scope, i + count)),
			rule_text(context, rule_template(context, scope, i))) &&
		rule_follows(rule_node(context, scope->requests[i + count - 1]),
			rule_node(context, scope->requests[i + count]),
			limit_ns(context, "max_gap_ms")))
		count++;
	return count;
}

static void look(
	struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t count)
{
	struct finding *finding;

	if (rule_sum(context, scope, i, count) < limit_ns(context, "total_ms"))
		return;
	finding = finding_on_request(context, scope, i);
	finding_add_run(context, finding, scope, i, count);
	finding_floor(finding, rule_run_cost(context, scope, i, count));
}

void rule_n_plus_one_api(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0, count; i < scope->request_count; i += count) {
			count = 1;
			if (!is_fetch(context, rule_request(context, scope, i)))
				continue;
			count = run_from(context, scope, i);
			if (count >= limit(context, "calls"))
				look(context, scope, i, count);
		}
	}
}
