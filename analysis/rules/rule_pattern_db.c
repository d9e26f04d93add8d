/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sequence of several queries that comes again and again, as a loop over items makes it. All but
 * the first round would go.
 */
#include "analysis/rules/rule.h"

static bool is_query(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	return rule_is_database(context, rule_request(context, scope, i));
}

/* Rounds of `length` queries from `i` on that are like the first. */
static uint32_t rounds_of(
	const struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t length)
{
	uint32_t at = i + length;

	while (at < scope->request_count && is_query(context, scope, at) &&
		rule_template(context, scope, at) == rule_template(context, scope, at - length) &&
		rule_follows(rule_node(context, scope->requests[at - 1]),
			rule_node(context, scope->requests[at]), INT64_MAX))
		at++;
	return (at - i) / length;
}

/* One template alone is N+1. */
static bool is_mixed(
	const struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t length)
{
	uint32_t first = NODE_NONE;

	for (uint32_t j = 1; j < length; j++) {
		if (!is_query(context, scope, i + j))
			return false;
	}
	for (uint32_t j = 0; j < length; j++) {
		if (rule_is_control(context, rule_request(context, scope, i + j)))
			continue;
		if (first == NODE_NONE)
			first = i + j;
		else if (rule_template(context, scope, i + j) !=
			rule_template(context, scope, first))
			return true;
	}
	return false;
}

static bool look(struct rule_context *context, const struct scope *scope, uint32_t i,
	uint32_t length, uint32_t rounds)
{
	int64_t total_ns = rule_sum(context, scope, i, length * rounds);
	struct finding *finding;

	if (total_ns < limit_ns(context, "total_ms") || scope->unit == NODE_NONE ||
		(double)total_ns * 100 < limit(context, "share_percent") *
				(double)unit_duration(
					context->units, &context->units->list[scope->unit]))
		return false;
	finding = finding_on_request(context, scope, i);
	for (uint32_t j = i; j < i + length * rounds; j++)
		finding_add(
			context, finding, scope->requests[j], j < i + length ? 0 : REPLAY_WHOLE);
	finding_floor(finding, rule_run_cost(context, scope, i, length * rounds));
	finding_occurred(finding, scope->unit);
	finding_note(finding, "%u rounds of %u queries", rounds, length);
	return true;
}

static uint32_t look_at(struct rule_context *context, const struct scope *scope, uint32_t i)
{
	uint32_t longest = (uint32_t)limit(context, "max_length");

	for (uint32_t length = 2; length <= longest && i + length <= scope->request_count;
		length++) {
		uint32_t rounds;

		if (!is_query(context, scope, i) || !is_mixed(context, scope, i, length))
			continue;
		rounds = rounds_of(context, scope, i, length);
		if (rounds >= limit(context, "repeats") && look(context, scope, i, length, rounds))
			return length * rounds;
	}
	return 1;
}

void rule_pattern_db(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count;)
			i += look_at(context, scope, i);
	}
}
