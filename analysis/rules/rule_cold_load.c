/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large file read or mapped within a request that the program answers: a model that could have
 * been there before.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

/* The request that a thread was answering all the time between two moments, or NODE_NONE. */
static uint32_t unit_at(
	const struct rule_context *context, int64_t thread, int64_t first_ns, int64_t last_ns)
{
	for (uint32_t i = 0; i < context->units->count; i++) {
		const struct node *node = rule_node(context, context->units->list[i].root);

		if (node->thread != NODE_NONE &&
			context->graph->threads[node->thread].id == thread &&
			node->start_ns <= first_ns && node->end_ns >= last_ns)
			return i;
	}
	return NODE_NONE;
}

static void look(struct rule_context *context, const struct query *query)
{
	const char *name = query_text(query, 1);
	uint32_t unit =
		unit_at(context, query_int(query, 0), query_int(query, 4), query_int(query, 5));
	struct finding *finding;

	if (unit == NODE_NONE || (double)query_int(query, 2) < limit(context, "mb") * 1e6)
		return;
	finding = finding_on(context, name ? name : "a file");
	finding_add(context, finding, context->units->list[unit].root, 0);
	finding_add_time(finding, query_int(query, 3), RT_WAIT_disk);
	finding_occurred(finding, unit);
	finding_note(finding, "%lld MB", (long long)(query_int(query, 2) / 1000000));
}

void rule_cold_load(struct rule_context *context)
{
	struct query *query;

	if (!context->units->are_requests)
		return;
	query = model_query(context->graph->model,
		"SELECT thread, object_name, SUM(bytes), SUM(self_ns), MIN(first_ns), MAX(last_ns)"
		" FROM profile WHERE run = ? AND object_kind = 1 AND object IS NOT NULL"
		" GROUP BY thread, object ORDER BY thread, object");
	query_bind(query, 1, context->graph->run->id);
	while (query_next(query))
		look(context, query);
	query_free(query);
}
