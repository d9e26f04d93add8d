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

/* Its own, or the one that its thread was answering. */
static uint32_t unit_of(const struct rule_context *context, uint32_t index)
{
	const struct node *node = rule_node(context, index);
	uint32_t unit = context->units->owner[index];

	if (unit != NODE_NONE || node->thread == NODE_NONE)
		return unit;
	return unit_at(
		context, context->graph->threads[node->thread].id, node->start_ns, node->end_ns);
}

/* Bytes of one file in one request. */
static uint64_t *bytes_of(
	struct rule_context *context, struct map *bytes, uint32_t unit, const char *name)
{
	return rule_place(
		context, bytes, (uint64_t)unit << 32 | strtab_adds(context->graph->texts, name));
}

static struct finding *tell(
	struct rule_context *context, const char *name, uint32_t unit, uint64_t bytes)
{
	struct finding *finding = finding_on(context, name);

	finding_occurred(finding, unit);
	finding_note(finding, "%llu MB", (unsigned long long)(bytes / 1000000));
	return finding;
}

#define LARGE_READS                                                               \
	"SELECT s.id, CASE b.kind WHEN 1 THEN b.name END, s.result FROM span s"   \
	" JOIN operation o ON o.id = s.operation"                                 \
	" LEFT JOIN object b ON b.id = s.object WHERE s.result >= 1000000"        \
	" AND o.name IN ('read', 'pread64', 'pread', 'fread', 'readv', 'preadv')" \
	" AND COALESCE(b.kind, 1) IN (0, 1) ORDER BY s.id"

/* Reads that have rows: added up, then told. */
static void look_at_reads(struct rule_context *context, struct map *bytes, bool telling)
{
	struct query *query = model_query(context->graph->model, LARGE_READS);

	while (query_next(query)) {
		uint32_t node = graph_find(context->graph, query_int(query, 0));
		uint32_t unit = node == NODE_NONE ? NODE_NONE : unit_of(context, node);
		const char *name = query_text(query, 1);
		uint64_t *sum;

		if (unit == NODE_NONE)
			continue;
		name = name ? name : "a file";
		sum = bytes_of(context, bytes, unit, name);
		if (!telling)
			*sum += (uint64_t)query_int(query, 2);
		else if ((double)*sum >= limit(context, "mb") * 1e6)
			finding_add(context, tell(context, name, unit, *sum), node, REPLAY_WHOLE);
	}
	query_free(query);
}

static void look(struct rule_context *context, struct map *bytes, const struct query *query)
{
	const char *name = query_text(query, 1);
	uint32_t unit =
		unit_at(context, query_int(query, 0), query_int(query, 4), query_int(query, 5));
	struct finding *finding;

	if (!name)
		name = "a file";
	if (unit == NODE_NONE || (double)query_int(query, 2) < limit(context, "mb") * 1e6 ||
		(double)*bytes_of(context, bytes, unit, name) >= limit(context, "mb") * 1e6)
		return;
	finding = tell(context, name, unit, (uint64_t)query_int(query, 2));
	finding_add(context, finding, context->units->list[unit].root, 0);
	finding_add_time(finding, query_int(query, 3), RT_WAIT_disk);
}

void rule_cold_load(struct rule_context *context)
{
	struct map bytes = {0};
	struct query *query;

	if (!context->units->are_requests)
		return;
	look_at_reads(context, &bytes, false);
	look_at_reads(context, &bytes, true);
	query = model_query(context->graph->model,
		"SELECT thread, object_name, SUM(bytes), SUM(self_ns), MIN(first_ns), MAX(last_ns)"
		" FROM profile WHERE run = ? AND object_kind = 1 AND object IS NOT NULL"
		" GROUP BY thread, object ORDER BY thread, object");
	query_bind(query, 1, context->graph->run->id);
	while (query_next(query))
		look(context, &bytes, query);
	query_free(query);
	map_free(&bytes);
}
