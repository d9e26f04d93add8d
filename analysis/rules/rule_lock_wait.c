/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for locks: on the paths; and in a program whose threads wait for one lock in turn. What
 * the path shows of that is what the lock's holder does: but for the lock all could do it at once.
 * A thread that waits outside of any function waits for work.
 */
#include <errno.h>
#include <stdlib.h>

#include "analysis/rules/rule.h"
#include "wire/event.h"

/* Waits, or imports. */
struct list {
	uint32_t *nodes, count;
};

/* Threads that import wait for one another, once. */
static bool is_for_import(
	const struct rule_context *context, const struct list *imports, const struct node *wait)
{
	int64_t sum_ns = 0, covered_to = wait->start_ns;

	for (uint32_t i = 0; i < imports->count; i++) {
		const struct node *node = rule_node(context, imports->nodes[i]);
		int64_t from = node->start_ns > covered_to ? node->start_ns : covered_to;
		int64_t to = node->end_ns < wait->end_ns ? node->end_ns : wait->end_ns;

		if (node->start_ns >= wait->end_ns)
			break;
		if (node->thread == wait->thread || to <= from)
			continue;
		sum_ns += to - from;
		covered_to = to;
	}
	return sum_ns > node_duration(wait) / 2;
}

static bool is_contended(const struct rule_context *context, uint32_t index)
{
	const struct node *node = rule_node(context, index);

	return node->wait == RT_WAIT_lock && node->object && node->thread != NODE_NONE &&
		node_duration(node) >= limit_ns(context, "each_ms") &&
		context->units->owner[index] != NODE_NONE && node->parent < context->graph->count &&
		!(context->graph->nodes[node->parent].flags & NODE_THREAD);
}

static int compare_starts(const void *left, const void *right, void *argument)
{
	const struct rule_context *context = argument;
	const struct node *a = rule_node(context, *(const uint32_t *)left);
	const struct node *b = rule_node(context, *(const uint32_t *)right);

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int compare(const void *left, const void *right, void *argument)
{
	const struct rule_context *context = argument;
	const struct node *a = rule_node(context, *(const uint32_t *)left);
	const struct node *b = rule_node(context, *(const uint32_t *)right);

	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	return compare_starts(left, right, argument);
}

/* Waits for one lock: in how much time somebody waits, if it is more than one thread. */
static int64_t waited_ns(const struct rule_context *context, const uint32_t *nodes, uint32_t count)
{
	int64_t sum_ns = 0, covered_to = 0;
	bool is_shared = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct node *node = rule_node(context, nodes[i]);
		int64_t from = node->start_ns > covered_to ? node->start_ns : covered_to;

		is_shared |= node->thread != rule_node(context, nodes[0])->thread;
		if (node->end_ns <= from)
			continue;
		sum_ns += node->end_ns - from;
		covered_to = node->end_ns;
	}
	return is_shared ? sum_ns : 0;
}

static bool look(struct rule_context *context, const uint32_t *nodes, uint32_t count)
{
	int64_t ns = waited_ns(context, nodes, count);
	const struct node *first = rule_node(context, nodes[0]);
	struct finding *finding;

	if (ns < limit_ns(context, "total_ms") ||
		(double)ns * 100 < limit(context, "share_percent") * (double)rule_work_ns(context))
		return false;
	finding = finding_on(context, node_name(context->graph, rule_node(context, first->parent)));
	for (uint32_t i = 0; i < count; i++)
		finding_add(context, finding, nodes[i], 0);
	finding_occurred(finding, context->units->owner[nodes[0]]);
	finding_charge(finding, ns);
	return true;
}

static bool find_contended(
	struct rule_context *context, const struct list *imports, struct list *waits)
{
	uint32_t kept = 0;
	bool found = false;

	for (uint32_t i = 0; i < waits->count; i++) {
		if (!is_for_import(context, imports, rule_node(context, waits->nodes[i])))
			waits->nodes[kept++] = waits->nodes[i];
	}
	for (uint32_t i = 0, next; i < kept; i = next) {
		for (next = i + 1; next < kept &&
			rule_node(context, waits->nodes[next])->object ==
				rule_node(context, waits->nodes[i])->object;
			next++)
			;
		found |= look(context, waits->nodes + i, next - i);
	}
	return found;
}

static bool list_nodes(struct rule_context *context, struct list *imports, struct list *waits)
{
	size_t size = ((size_t)context->graph->count + 1) * sizeof(*waits->nodes);

	imports->nodes = malloc(size);
	waits->nodes = malloc(size);
	if (!imports->nodes || !waits->nodes)
		return false;
	for (uint32_t i = 0; i < context->graph->count; i++) {
		if (rule_node(context, i)->kind == RT_SPAN_load)
			imports->nodes[imports->count++] = i;
		else if (is_contended(context, i))
			waits->nodes[waits->count++] = i;
	}
	qsort_r(imports->nodes, imports->count, sizeof(*imports->nodes), compare_starts, context);
	qsort_r(waits->nodes, waits->count, sizeof(*waits->nodes), compare, context);
	return true;
}

/* On the paths, but for imports. */
static int64_t path_ns(const struct rule_context *context, const struct list *imports)
{
	const struct units *units = context->units;
	int64_t ns = units->leaves[RT_WAIT_lock];

	for (uint32_t i = 0; i < units->path.count; i++) {
		const struct section_of_path *section = &units->path.sections[i];
		const struct node *node = rule_node(context, section->node);

		if (node->wait == RT_WAIT_lock && is_for_import(context, imports, node))
			ns -= section->end_ns - section->start_ns;
	}
	return ns;
}

void rule_lock_wait(struct rule_context *context)
{
	struct list imports = {0}, waits = {0};

	if (!list_nodes(context, &imports, &waits))
		context->error = -ENOMEM;
	else if ((context->units->are_requests || !find_contended(context, &imports, &waits)) &&
		path_ns(context, &imports) >= limit_ns(context, "total_ms"))
		rule_on_wait(context, RT_WAIT_lock, "locks on the critical path");
	free(imports.nodes);
	free(waits.nodes);
}
