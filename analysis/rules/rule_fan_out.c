/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Very many calls of one kind under way at once from one request or program: the other end queues
 * or refuses them, and all wait for the slowest.
 */
#include "analysis/rules/rule.h"

/* Of one kind under way when the i-th begins, itself included; the first of them. */
static uint32_t under_way(
	const struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t *first)
{
	int64_t start_ns = rule_node(context, scope->requests[i])->start_ns;
	uint32_t count = 1;

	*first = i;
	for (uint32_t j = i; j-- && i - j < RULE_NEAR;) {
		if (rule_template(context, scope, j) != rule_template(context, scope, i) ||
			rule_node(context, scope->requests[j])->end_ns <= start_ns)
			continue;
		count++;
		*first = j;
	}
	return count;
}

static void add(struct rule_context *context, const struct scope *scope, uint32_t first, uint32_t i)
{
	struct finding *finding = finding_on_request(context, scope, i);

	for (uint32_t j = first; j <= i; j++) {
		if (rule_template(context, scope, j) == rule_template(context, scope, i))
			finding_add(context, finding, scope->requests[j], 0);
	}
	finding_occurred(finding, scope->unit);
}

void rule_fan_out(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];
		uint32_t told = 0; /* place of the last + 1 */

		for (uint32_t i = 0; scope->unit != NODE_NONE && i < scope->request_count; i++) {
			uint32_t first, count;

			if (!rule_is_http(context, rule_request(context, scope, i)) ||
				rule_is_database(context, rule_request(context, scope, i)))
				continue;
			count = under_way(context, scope, i, &first);
			if (count <= limit(context, "calls"))
				continue;
			add(context, scope, first < told ? told : first, i);
			told = i + 1;
		}
	}
}
