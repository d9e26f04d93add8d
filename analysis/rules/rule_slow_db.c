/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query that took long. It would take no longer than the limit.
 */
#include "analysis/rules/rule.h"

static unsigned excess(const struct rule_context *context, const struct node *node)
{
	return (unsigned)(1000 -
		(double)limit_ns(context, "each_ms") * 1000 / (double)node_duration(node));
}

void rule_slow_db(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			const struct request *request = rule_request(context, scope, i);
			struct finding *finding;

			if (!(rule_is_database(context, request) &&
				    node_duration(rule_node(context, scope->requests[i])) >=
					    limit_ns(context, "each_ms")))
				continue;
			finding = finding_on_request(context, scope, i);
			finding_add(context, finding, scope->requests[i],
				excess(context, rule_node(context, scope->requests[i])));
			finding_occurred(finding, scope->unit);
			if (finding_occurrences(finding) >= limit(context, "recurring"))
				finding_escalate(finding);
		}
	}
}
