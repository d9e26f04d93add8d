/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping on the critical path: asking again and again whether something is ready. A sleep after
 * a failure is a back-off, and not meant.
 */
#include "analysis/path/leaf.h"
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

/* Of a section: how long it slept. */
static int64_t slept(const struct rule_context *context, const struct scope *scope,
	const struct section_of_path *section, struct events_part *part)
{
	const struct node *node = rule_node(context, section->node);

	*part = (struct events_part){0};
	if (node_is_sleep(node))
		return is_back_off(context, scope, node) ? 0 : section->end_ns - section->start_ns;
	if (!leaf_is_own(node))
		return 0;
	*part = events_during(context->graph, &context->units->events, section);
	if (!part->by_clock ||
		is_back_off(context, scope,
			rule_node(context, context->units->events.list[part->first])))
		return 0;
	return part->waited_ns;
}

/* A coroutine's sleep is the clock's: no call of its own would go. */
static void tell(struct rule_context *context, const struct section_of_path *section,
	const struct events_part *part, int64_t ns, uint32_t unit, bool is_first)
{
	const char *name = node_name(context->graph, rule_node(context, section->node));
	struct finding *finding = finding_on(context, *name ? name : "the event loop");

	if (!part->by_clock)
		finding_add(context, finding, section->node, REPLAY_WHOLE);
	for (uint32_t i = part->first; part->by_clock && i < part->end; i++) {
		uint32_t wait = context->units->events.list[i];

		if (node_is_sleep(rule_node(context, wait)))
			finding_add(context, finding, wait, 0);
	}
	if (part->by_clock)
		finding_charge(finding, ns);
	if (is_first)
		finding_occurred(finding, unit);
}

static void look(struct rule_context *context, uint32_t number, bool is_counting, int64_t *total_ns)
{
	const struct unit *unit = &context->units->list[number];
	const struct scope *scope = scope_of(context, number);
	bool any = false;

	for (uint32_t i = unit->first; i < unit->first + unit->section_count; i++) {
		const struct section_of_path *section = &context->units->path.sections[i];
		struct events_part part;
		int64_t ns = slept(context, scope, section, &part);

		if (is_counting)
			*total_ns += ns;
		else if (ns)
			tell(context, section, &part, ns, number, !any);
		any |= ns > 0;
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
