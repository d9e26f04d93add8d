/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One name looked up again and again by one process. All but the first look-up would go.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

/* Of one name. */
struct names {
	struct map counts, totals_ns, seen;
};

/* 0: it is no lookup. */
static uint64_t key_of(const struct rule_context *context, const struct rule_call *call)
{
	const struct node *node = rule_call_node(context, call);
	uint32_t name = rule_object_text(context, node);

	return node->wait == RT_WAIT_dns && name && context->scopes[call->scope].unit != NODE_NONE
		? rule_process_key(context, call, name)
		: 0;
}

static void look(struct rule_context *context, struct names *names, const struct rule_call *call,
	uint64_t key)
{
	const struct scope *scope = &context->scopes[call->scope];
	uint64_t *seen = rule_place(context, &names->seen, key);
	struct finding *finding;

	if ((double)*rule_place(context, &names->counts, key) < limit(context, "lookups") ||
		(double)*rule_place(context, &names->totals_ns, key) * 100 <
			limit(context, "share_percent") * (double)context->units->total_ns)
		return;
	finding = finding_on(context, rule_object_name(context, rule_call_node(context, call)));
	finding_add(context, finding, scope->calls[call->index], *seen ? REPLAY_WHOLE : 0);
	finding_occurred(finding, scope->unit);
	*seen = 1;
}

void rule_dns_each_call(struct rule_context *context)
{
	struct names names = {0};

	for (uint32_t i = 0; i < context->call_count; i++) {
		uint64_t key = key_of(context, &context->calls[i]);

		if (!key)
			continue;
		*rule_place(context, &names.counts, key) += 1;
		*rule_place(context, &names.totals_ns, key) +=
			(uint64_t)node_duration(rule_call_node(context, &context->calls[i]));
	}
	for (uint32_t i = 0; names.counts.count && i < context->call_count; i++) {
		uint64_t key = key_of(context, &context->calls[i]);

		if (key)
			look(context, &names, &context->calls[i], key);
	}
	map_free(&names.counts);
	map_free(&names.totals_ns);
	map_free(&names.seen);
}
