/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries of different templates, each of some length, one right after the other, that could run
 * at once or be one. The longest stays. A write, or what follows one, is left alone.
 */
#include <string.h>

#include "analysis/rules/rule.h"

static bool can_join(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	const struct request *request = rule_request(context, scope, i);
	const char *operation = rule_text(context, request->db_operation);

	return rule_is_database(context, request) &&
		(!strcmp(operation, "SELECT") || !strcmp(operation, "find")) &&
		node_duration(rule_node(context, scope->requests[i])) >=
		limit_ns(context, "each_ms");
}

static bool is_repeated(
	const struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t at)
{
	for (uint32_t j = i; j < at; j++) {
		if (rule_template(context, scope, j) == rule_template(context, scope, at))
			return true;
	}
	return false;
}

static uint32_t run_from(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	uint32_t count = 1;

	while (i + count < scope->request_count && can_join(context, scope, i + count) &&
		!is_repeated(context, scope, i, i + count) &&
		rule_follows(rule_node(context, scope->requests[i + count - 1]),
			rule_node(context, scope->requests[i + count]),
			limit_ns(context, "max_gap_ms")))
		count++;
	return count;
}

static bool is_worth(
	const struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t count)
{
	int64_t saving_ns =
		rule_sum(context, scope, i, count) - rule_longest(context, scope, i, count);

	return scope->unit != NODE_NONE && saving_ns >= limit_ns(context, "saving_ms") &&
		(double)saving_ns * 100 >= limit(context, "saving_percent") *
			(double)unit_duration(context->units, &context->units->list[scope->unit]);
}

void rule_consecutive_db(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0, count; i < scope->request_count; i += count) {
			count = 1;
			if (!can_join(context, scope, i))
				continue;
			count = run_from(context, scope, i);
			if (count >= limit(context, "calls") && is_worth(context, scope, i, count))
				finding_add_run(context, finding_on_request(context, scope, i),
					scope, i, count);
		}
	}
}
