/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries of one template, one after the other in one thread, each of which fetches an item of
 * what a different query before them has listed. One query could fetch them all: the longest
 * stays.
 */
#include <string.h>

#include "analysis/rules/rule.h"

/* How many from `i` on have the same template and thread and follow each other. */
static uint32_t run_from(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	uint32_t count = 1;

	while (i + count < scope->request_count) {
		const struct node *before = rule_node(context, scope->requests[i + count - 1]);
		const struct node *node = rule_node(context, scope->requests[i + count]);

		if (rule_template(context, scope, i + count) != rule_template(context, scope, i) ||
			node->thread != before->thread || !rule_follows(before, node, INT64_MAX))
			break;
		count++;
	}
	return count;
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

static void look(
	struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t count)
{
	struct finding *finding;

	if (rule_sum(context, scope, i, count) < limit_ns(context, "total_ms"))
		return;
	finding = finding_on_request(context, scope, i);
	finding_add_run(context, finding, scope, i, count);
	if (count >= limit(context, "critical_calls"))
		finding_escalate(finding);
}

void rule_n_plus_one_db(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0, count; i < scope->request_count; i += count) {
			count = run_from(context, scope, i);
			if (count >= limit(context, "calls") &&
				reads(context, rule_request(context, scope, i)))
				look(context, scope, i, count);
		}
	}
}
