/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping on the critical path: asking again and again whether something is ready. A sleep after
 * a failure is a back-off, and not meant.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

static const struct scope *scope_of(const struct rule_context *context, uint32_t unit)
{
	for (uint32_t i = 0; i < context->scope_count; i++) {
		if (context->scopes[i].unit == unit)
			return &context->scopes[i];
	}
	return NULL;
}

/* The last request of its thread that was over before it failed. */
static bool is_back_off(
	const struct rule_context *context, const struct scope *scope, const struct node *sleep)
{
	uint32_t low = 0, high = scope ? scope->request_count : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (rule_node(context, scope->requests[middle])->start_ns < sleep->start_ns)
			low = middle + 1;
		else
			high = middle;
	}
	while (low--) {
		if (rule_node(context, scope->requests[low])->thread == sleep->thread)
			return rule_failed(context, rule_request(context, scope, low));
	}
	return false;
}

static void look(struct rule_context *context, uint32_t number, bool is_counting, int64_t *total_ns)
{
	const struct unit *unit = &context->units->list[number];
	const struct scope *scope = scope_of(context, number);
	bool any = false;

	for (uint32_t i = unit->first; i < unit->first + unit->section_count; i++) {
		const struct section_of_path *section = &context->units->path.sections[i];
		const struct node *node = rule_node(context, section->node);
		struct finding *finding;

		if (node->wait != RT_WAIT_sleep || is_back_off(context, scope, node))
			continue;
		if (is_counting) {
			*total_ns += section->end_ns - section->start_ns;
			continue;
		}
		finding = finding_on(context, node_name(context->graph, node));
		finding_add(context, finding, section->node, REPLAY_WHOLE);
		if (!any)
			finding_occurred(finding, number);
		any = true;
	}
}

void rule_sleep_on_path(struct rule_context *context)
{
	int64_t total_ns = 0;

	for (uint32_t i = 0; i < context->units->count; i++)
		look(context, i, true, &total_ns);
	if (total_ns < limit_ns(context, "total_ms") ||
		(double)total_ns * 100 <
			limit(context, "share_percent") * (double)context->units->total_ns)
		return;
	for (uint32_t i = 0; i < context->units->count; i++)
		look(context, i, false, NULL);
}
