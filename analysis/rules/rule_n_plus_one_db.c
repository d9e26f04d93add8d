/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries of one template, one after the other in one thread, each of which fetches an item of
 * what a different query before them has listed. One query could fetch them all: the longest
 * stays.
 */
#include <string.h>

#include "analysis/rules/rule.h"

/* How many from `i` on have the same template and thread and follow each other; what begins and
 * ends transactions stands between them. The end of the run, behind the last query. */
static uint32_t run_from(
	const struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t *count)
{
	uint32_t end = i + 1;

	*count = 1;
	for (uint32_t j = i + 1; j < scope->request_count; j++) {
		const struct node *before = rule_node(context, scope->requests[j - 1]);
		const struct node *node = rule_node(context, scope->requests[j]);

		if (node->thread != before->thread || !rule_follows(before, node, INT64_MAX))
			break;
		if (rule_template(context, scope, j) == rule_template(context, scope, i)) {
			end = j + 1;
			++*count;
		} else if (!rule_is_control(context, rule_request(context, scope, j))) {
			break;
		}
	}
	return end;
}

static bool reads(const struct rule_context *context, const struct request *request)
{
	const char *operation = rule_text(context, request->db_operation);
	static const char *const words[] = {"SELECT", "GET", "HGET", "HGETALL", "FIND", "find"};

	if (!rule_is_database(context, request))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strcmp(operation, words[i]))
			return true;
	}
	return false;
}

/* Many of them cost more than their time: each is a wait for the network of another day. */
static bool is_enough(const struct rule_context *context, const struct scope *scope, uint32_t i,
	uint32_t end, uint32_t count)
{
	int64_t total_ns = rule_sum(context, scope, i, end - i);

	return count >= limit(context, "calls") &&
		(total_ns >= limit_ns(context, "total_ms") ||
			(count >= limit(context, "many_calls") &&
				total_ns >= limit_ns(context, "many_total_ms")));
}

void rule_n_plus_one_db(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0, end, count; i < scope->request_count; i = end) {
			struct finding *finding;

			end = run_from(context, scope, i, &count);
			if (!reads(context, rule_request(context, scope, i)) ||
				!is_enough(context, scope, i, end, count))
				continue;
			finding = finding_on_request(context, scope, i);
			finding_add_run(context, finding, scope, i, end - i);
			finding_floor(finding, rule_run_cost(context, scope, i, end - i));
			if (count >= limit(context, "critical_calls"))
				finding_escalate(finding);
		}
	}
}
