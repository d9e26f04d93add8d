/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation of a class that took longer than the class's limit. It would take no longer than
 * that.
 */
#include <stdio.h>

#include "analysis/rules/rule.h"
#include "lib/words.h"

/* The limit of a class, or 0. */
static double limit_of(const struct rule_context *context, unsigned class)
{
	char key[64];

	snprintf(key, sizeof(key), "%s_ms", word_name("class", class));
	return limit(context, key) * 1e6;
}

static void look(struct rule_context *context, uint32_t index, double limit_ns)
{
	const struct node *node = rule_node(context, index);
	double duration = (double)node_duration(node);
	struct finding *finding = finding_on(context,
		node->request == NODE_NONE ? node_name(context->graph, node)
					   : rule_text(context, context->templates[node->request]));

	finding_add(context, finding, index, (unsigned)(1000 - limit_ns * 1000 / duration));
	finding_advise(finding, word_name("class", rule_class(context, node)));
	finding_occurred(finding, context->units->owner[index]);
	if (duration > limit_ns * limit(context, "critical_times"))
		finding_escalate(finding);
}

void rule_slow_stage(struct rule_context *context)
{
	for (uint32_t i = 0; i < context->graph->count; i++) {
		const struct node *node = rule_node(context, i);
		unsigned class = rule_class(context, node);
		double limit_ns;

		if (!class || node->flags & (NODE_SERVER | NODE_HIDDEN | NODE_ANSWERED))
			continue;
		limit_ns = limit_of(context, class);
		if (limit_ns > 0 && (double)node_duration(node) > limit_ns)
			look(context, i, limit_ns);
	}
}
