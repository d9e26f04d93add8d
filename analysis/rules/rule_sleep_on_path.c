/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping on the critical path: asking again and again whether something is ready. A sleep after
 * a failure is a back-off, and not meant.
 */
#include "analysis/path/leaf.h"
#include "analysis/rules/rule.h"
#include "wire/event.h"

/* They stand in the order of units. */
static const struct scope *scope_of(const struct rule_context *context, uint32_t unit)
{
	uint32_t low = 0, high = context->scope_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (context->scopes[middle].unit < unit)
			low = middle + 1;
		else
			high = middle;
	}
	return low < context->scope_count && context->scopes[low].unit == unit
		? &context->scopes[low]
		: NULL;
}

/* Of a scope's requests on the thread of a sleep: the last two before it, the first after it. */
struct around {
	uint32_t earlier, before, after; /* NODE_NONE: none */
};

static uint32_t on_thread(const struct rule_context *context, const struct scope *scope,
	uint32_t thread, uint32_t from, bool backward)
{
	for (uint32_t i = 0, at = from; i < RULE_NEAR && at < scope->request_count;
		i++, at += backward ? UINT32_MAX : 1) {
		if (rule_node(context, scope->requests[at])->thread == thread)
			return at;
	}
	return NODE_NONE;
}

static struct around around(
	const struct rule_context *context, const struct scope *scope, const struct node *sleep)
{
	struct around found = {NODE_NONE, NODE_NONE, NODE_NONE};
	uint32_t low;

	if (!scope)
		return found;
	low = rule_first_request(context, scope, sleep->start_ns);
	found.after = on_thread(context, scope, sleep->thread, low, false);
	found.before = on_thread(context, scope, sleep->thread, low - 1, true);
	if (found.before != NODE_NONE)
		found.earlier = on_thread(context, scope, sleep->thread, found.before - 1, true);
	return found;
}

static bool are_alike(
	const struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t j)
{
	return i != NODE_NONE && j != NODE_NONE &&
		rule_alike(rule_text(context, rule_template(context, scope, i)),
			rule_text(context, rule_template(context, scope, j)));
}

struct nap {
	int64_t ns;
	struct events_part part; /* a coroutine's */
	bool is_asking_again;
};

/* Of a section: how it slept. After a failure that is a back-off. */
static struct nap nap_of(const struct rule_context *context, const struct scope *scope,
	const struct section_of_path *section)
{
	const struct node *node = rule_node(context, section->node);
	struct nap nap = {0};
	struct around at;

	if (node_is_sleep(node)) {
		nap.ns = section->end_ns - section->start_ns;
	} else if (leaf_is_own(node)) {
		nap.part = events_during(context->graph, &context->units->events, section);
		nap.ns = nap.part.by_clock ? nap.part.waited_ns : 0;
		node = nap.ns ? rule_node(context, context->units->events.list[nap.part.first])
			      : node;
	}
	if (!nap.ns)
		return nap;
	at = around(context, scope, node);
	if (at.before != NODE_NONE && rule_failed(context, rule_request(context, scope, at.before)))
		nap.ns = 0;
	nap.is_asking_again = are_alike(context, scope, at.before, at.after) ||
		are_alike(context, scope, at.earlier, at.before);
	return nap;
}

/* A coroutine's sleep is the clock's: no call of its own would go. */
static void tell(struct rule_context *context, const struct section_of_path *section,
	const struct nap *nap, uint32_t unit, bool is_first)
{
	const char *name = node_name(context->graph, rule_node(context, section->node));
	struct finding *finding = finding_on(context, *name ? name : "the event loop");

	if (!nap->part.by_clock)
		finding_add(context, finding, section->node, REPLAY_WHOLE);
	for (uint32_t i = nap->part.first; nap->part.by_clock && i < nap->part.end; i++) {
		uint32_t wait = context->units->events.list[i];

		if (node_is_sleep(rule_node(context, wait)))
			finding_add(context, finding, wait, 0);
	}
	if (nap->part.by_clock)
		finding_charge(finding, nap->ns);
	if (is_first)
		finding_occurred(finding, unit);
}

/*
 * One sleep may stand for anything; who asks the same again after it, or sleeps again and again in
 * a thread of its own, waits for something. Coroutines tick for many reasons.
 */
static bool is_waiting(const struct rule_context *context, const struct nap *nap, uint32_t naps)
{
	return nap->ns &&
		(nap->is_asking_again || (!nap->part.by_clock && naps >= limit(context, "sleeps")));
}

static void look(struct rule_context *context, uint32_t number, bool is_counting, int64_t *total_ns)
{
	const struct unit *unit = &context->units->list[number];
	const struct section_of_path *sections = &context->units->path.sections[unit->first];
	const struct scope *scope = scope_of(context, number);
	uint32_t naps = 0;
	bool any = false;

	for (uint32_t i = 0; i < unit->section_count; i++)
		naps += rule_node(context, sections[i].node)->wait == RT_WAIT_sleep;
	for (uint32_t i = 0; i < unit->section_count; i++) {
		struct nap nap = nap_of(context, scope, &sections[i]);

		if (!is_waiting(context, &nap, naps))
			continue;
		if (is_counting)
			*total_ns += nap.ns;
		else
			tell(context, &sections[i], &nap, number, !any);
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
			limit(context, "share_percent") * (double)rule_work_ns(context))
		return;
	for (uint32_t i = 0; i < context->units->count; i++)
		look(context, i, false, NULL);
}
