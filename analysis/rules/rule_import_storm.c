/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that looks for modules in very many places before it sends its first request. Which of
 * them were needed is not known, so no saving is told.
 */
#include "analysis/rules/rule.h"

/* Failed look-ups of files by a thread; they are counted, not timed. */
static int64_t failed_lookups(struct rule_context *context, int64_t thread)
{
	return model_number(context->graph->model,
		"SELECT SUM(c.calls) FROM counter c JOIN operation o ON o.id = c.operation"
		" WHERE c.thread = ? AND o.name = 'stat_failed'",
		thread, 0);
}

void rule_import_storm(struct rule_context *context)
{
	for (uint32_t s = 0; !context->units->are_requests && s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];
		const struct node *root;
		struct finding *finding;

		if (scope->unit == NODE_NONE || !scope->request_count)
			continue;
		root = rule_node(context, context->units->list[scope->unit].root);
		if (root->thread == NODE_NONE ||
			rule_node(context, scope->requests[0])->start_ns - root->start_ns <
				limit_ns(context, "each_ms") ||
			(double)failed_lookups(context, context->graph->threads[root->thread].id) <
				limit(context, "failed_lookups"))
			continue;
		finding = finding_on(context, "start of the program");
		finding_add(context, finding, context->units->list[scope->unit].root, 0);
		finding_occurred(finding, scope->unit);
	}
}
