/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One name looked up again and again in one unit. All but the first look-up would go.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

static void look(struct rule_context *context, const struct scope *scope, uint32_t i,
	uint64_t count, uint64_t total_ns, uint64_t *seen)
{
	int64_t unit_ns = unit_duration(context->units, &context->units->list[scope->unit]);
	const char *name = rule_object_name(context, rule_node(context, scope->calls[i]));
	struct finding *finding;

	if ((double)count < limit(context, "lookups") ||
		(double)total_ns * 100 < limit(context, "share_percent") * (double)unit_ns)
		return;
	finding = finding_on(context, name);
	finding_add(context, finding, scope->calls[i], *seen ? REPLAY_WHOLE : 0);
	if (!*seen)
		finding_occurred(finding, scope->unit);
	*seen = 1;
}

void rule_dns_each_call(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];
		struct map counts = {0}, totals = {0}, seen = {0};

		for (uint32_t pass = 0; scope->unit != NODE_NONE && pass < 2; pass++) {
			for (uint32_t i = 0; i < scope->call_count; i++) {
				const struct node *node = rule_node(context, scope->calls[i]);
				uint32_t name = rule_object_text(context, node);

				if (node->wait != RT_WAIT_dns || !name)
					continue;
				if (pass) {
					look(context, scope, i, *rule_place(context, &counts, name),
						*rule_place(context, &totals, name),
						rule_place(context, &seen, name));
					continue;
				}
				*rule_place(context, &counts, name) += 1;
				*rule_place(context, &totals, name) +=
					(uint64_t)node_duration(node);
			}
		}
		map_free(&counts);
		map_free(&totals);
		map_free(&seen);
	}
}
