/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that runs an event loop, and for long does not: it is in a call that blocks, or it
 * computes. Everything else that the loop serves stands still meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/rules/rule.h"
#include "wire/event.h"

/* When a thread was first and last seen to wait for events. */
struct loop {
	int64_t first_ns, last_ns;
	uint32_t count;
	bool serves; /* it answers requests of others */
};

/* Time in which a loop stood still. */
struct block {
	int64_t start_ns, end_ns;
};

struct imports {
	int64_t ns, first_ns, last_ns;
};

enum told { TOLD_NOT, TOLD_BELOW, TOLD_CALL, TOLD_COMPUTING };

/* Whom a block holds up is looked for among all requests: so often. */
#define LOOKS 2000

struct work {
	struct rule_context *context;
	struct loop *loops;	 /* of each thread */
	struct block *blocks;	 /* of each node: 0, 0 where it is none */
	struct imports *imports; /* of each node, below it */
	uint8_t *is_told;	 /* enum told, of each node */
	uint32_t looked;
	struct map holding; /* operations that held somebody up */
};

static bool is_loop_wait(const struct rule_context *context, const struct node *node)
{
	return node->wait == RT_WAIT_poll && !strncmp(node_name(context->graph, node), "epoll_", 6);
}

static void see_wait(struct loop *loop, int64_t first_ns, int64_t last_ns, uint32_t count)
{
	if (!loop->count || first_ns < loop->first_ns)
		loop->first_ns = first_ns;
	if (last_ns > loop->last_ns)
		loop->last_ns = last_ns;
	loop->count += count;
}

/* Where there is always something to do waits are short, and have no rows. */
static void find_short_waits(struct work *work)
{
	const struct graph *graph = work->context->graph;
	struct query *query = model_query(graph->model,
		"SELECT f.thread, f.first_ns, f.last_ns, f.calls FROM fold f"
		" JOIN operation o ON o.id = f.operation WHERE o.name LIKE 'epoll\\_%wait%'"
		" ESCAPE '\\'");

	while (query_next(query)) {
		uint32_t thread = graph_find_thread(graph, query_int(query, 0));

		if (thread != NODE_NONE)
			see_wait(&work->loops[thread], query_int(query, 1), query_int(query, 2),
				(uint32_t)query_int(query, 3));
	}
	query_free(query);
}

static void find_loops(struct work *work)
{
	for (uint32_t i = 0; i < work->context->graph->count; i++) {
		const struct node *node = rule_node(work->context, i);

		if (node->thread == NODE_NONE)
			continue;
		work->loops[node->thread].serves |= (node->flags & NODE_SERVER) != 0;
		if (is_loop_wait(work->context, node))
			see_wait(&work->loops[node->thread], node->start_ns, node->end_ns, 1);
	}
	find_short_waits(work);
}

static bool is_on_loop(const struct work *work, const struct node *node)
{
	const struct loop *loop = node->thread == NODE_NONE ? NULL : &work->loops[node->thread];

	return loop && loop->count > 1 && node->start_ns >= loop->first_ns &&
		node->end_ns <= loop->last_ns;
}

static bool is_blocking(const struct work *work, const struct node *node)
{
	if (node->request != NODE_NONE || node->flags & NODE_UNFINISHED || node->child_count ||
		node_duration(node) < limit_ns(work->context, "each_ms"))
		return false;
	return node->wait == RT_WAIT_network || node->wait == RT_WAIT_sleep ||
		node->wait == RT_WAIT_disk || node->wait == RT_WAIT_dns ||
		node->wait == RT_WAIT_process || node->wait == RT_WAIT_lock ||
		node->wait == RT_WAIT_connect || node->wait == RT_WAIT_pipe;
}

/* Functions that were suspended have their longest time between two awaits as an attribute. */
static void read_segments(struct work *work)
{
	const struct graph *graph = work->context->graph;
	struct query *query = model_query(graph->model,
		"SELECT a.span, a.value, (SELECT b.value FROM attribute b WHERE b.span = a.span"
		" AND b.key = 'ragtime.longest_active_start_ns') FROM attribute a"
		" WHERE a.key = 'ragtime.longest_active_ns'");

	while (query_next(query)) {
		uint32_t index = graph_find(graph, query_int(query, 0));

		if (index == NODE_NONE)
			continue;
		work->blocks[index].start_ns = graph->nodes[index].start_ns + query_int(query, 2);
		work->blocks[index].end_ns = work->blocks[index].start_ns + query_int(query, 1);
	}
	query_free(query);
}

/* It waits for events itself, or something below it does: that is the loop. */
static bool runs_loop(const struct work *work, const struct node *node)
{
	const struct section_of_path all = {
		(uint32_t)(node - work->context->graph->nodes), node->start_ns, node->end_ns};

	return events_during(work->context->graph, &work->context->units->events, &all).waited_ns >
		0;
}

/* Another request is under way on the thread, or another one is answered: somebody waits. */
static bool holds_up(const struct work *work, uint32_t index)
{
	const struct rule_context *context = work->context;
	const struct node *node = rule_node(context, index);
	const struct block *block = &work->blocks[index];
	const struct units *units = context->units;

	for (uint32_t i = 0; units->are_requests && i < units->count; i++) {
		const struct node *other = rule_node(context, units->list[i].root);

		if (i != units->owner[index] && other->start_ns < block->end_ns &&
			other->end_ns > block->end_ns)
			return true;
	}
	for (uint32_t i = 0; i < context->graph->request_count; i++) {
		const struct node *other = rule_node(context, context->graph->requests[i].node);

		if (other->thread == node->thread && !(other->flags & NODE_SERVER) &&
			other->start_ns < block->start_ns && other->end_ns > block->end_ns)
			return true;
	}
	return false;
}

/* Without imports, which happen once. */
static int64_t blocked_ns(const struct work *work, uint32_t index)
{
	const struct block *block = &work->blocks[index];
	const struct imports *imports = &work->imports[index];
	int64_t ns = block->end_ns - block->start_ns;

	if (imports->first_ns < block->end_ns && imports->last_ns > block->start_ns)
		ns -= imports->ns;
	return ns;
}

static bool is_computing(struct work *work, uint32_t index)
{
	struct rule_context *context = work->context;
	const struct node *node = rule_node(context, index);
	struct block *block = &work->blocks[index];
	int64_t ns;

	if (node->request != NODE_NONE || node->wait != RT_WAIT_none ||
		node->kind == RT_SPAN_load || node->flags & (NODE_THREAD | NODE_UNFINISHED) ||
		work->is_told[index] || !is_on_loop(work, node) ||
		(context->units->are_requests && context->units->owner[index] == NODE_NONE &&
			!work->loops[node->thread].serves))
		return false;
	if (!block->end_ns && !runs_loop(work, node))
		*block = (struct block){node->start_ns, node->end_ns};
	ns = blocked_ns(work, index);
	/* not what waiting for a processor has made of little */
	return ns >= limit_ns(context, "each_ms") &&
		(double)ns * (1 - context->graph->threads[node->thread].queue_part) * 8 >=
		(double)limit_ns(context, "each_ms");
}

static void mark(struct work *work, uint32_t index, enum told told)
{
	const struct node *node = rule_node(work->context, index);

	work->is_told[index] = told;
	if (told == TOLD_BELOW || map_find(&work->holding, node->operation) ||
		work->looked++ >= LOOKS)
		return;
	if (holds_up(work, index))
		*rule_place(work->context, &work->holding, node->operation) = 1;
}

static void find_calls(struct work *work)
{
	for (uint32_t i = 0; i < work->context->graph->count; i++) {
		const struct node *node = rule_node(work->context, i);

		if (!is_on_loop(work, node) || !is_blocking(work, node))
			continue;
		work->blocks[i] = (struct block){node->start_ns, node->end_ns};
		mark(work, i, TOLD_CALL);
		/* also those below a request that hides them */
		if (node->parent < work->context->graph->count)
			mark(work, node->parent, TOLD_BELOW);
	}
}

static void add_imports(struct work *work, uint32_t index, uint32_t parent)
{
	const struct node *node = rule_node(work->context, index);
	struct imports own = work->imports[index], *sum = &work->imports[parent];

	if (node->kind == RT_SPAN_load)
		own = (struct imports){node_duration(node), node->start_ns, node->end_ns};
	if (!own.ns)
		return;
	if (!sum->ns || own.first_ns < sum->first_ns)
		sum->first_ns = own.first_ns;
	if (own.last_ns > sum->last_ns)
		sum->last_ns = own.last_ns;
	sum->ns += own.ns;
}

/* From the last to their parents, so that the innermost is told. */
static void find_computing(struct work *work)
{
	const struct graph *graph = work->context->graph;

	for (uint32_t i = graph->order_count; i-- > 0;) {
		uint32_t index = graph->order[i], parent = graph->nodes[index].parent;

		if (is_computing(work, index))
			mark(work, index, TOLD_COMPUTING);
		if (parent >= graph->count)
			continue;
		if (work->is_told[index] && !work->is_told[parent])
			mark(work, parent, TOLD_BELOW);
		add_imports(work, index, parent);
	}
}

/* What computes blocks only where it holds others up. */
static void tell(struct work *work, uint32_t index)
{
	struct rule_context *context = work->context;
	const struct node *node = rule_node(context, index);
	bool holds = map_find(&work->holding, node->operation);
	struct finding *finding;

	if (work->is_told[index] < TOLD_CALL || (work->is_told[index] == TOLD_COMPUTING && !holds))
		return;
	finding = finding_on(context, node_name(context->graph, node));
	finding_add(context, finding, index, 0);
	finding_occurred(finding, context->units->owner[index]);
	if (holds || !context->units->are_requests)
		finding_charge(finding, blocked_ns(work, index));
}

void rule_loop_blocked(struct rule_context *context)
{
	const struct graph *graph = context->graph;
	size_t count = (size_t)graph->count + 1;
	struct work work = {
		.context = context,
		.loops = calloc((size_t)graph->thread_count + 1, sizeof(*work.loops)),
		.blocks = calloc(count, sizeof(*work.blocks)),
		.imports = calloc(count, sizeof(*work.imports)),
		.is_told = calloc(count, 1),
	};

	if (!work.loops || !work.blocks || !work.imports || !work.is_told) {
		context->error = -ENOMEM;
	} else {
		find_loops(&work);
		read_segments(&work);
		find_calls(&work);
		find_computing(&work);
		for (uint32_t i = 0; i < graph->count; i++)
			tell(&work, i);
	}
	free(work.loops);
	free(work.blocks);
	free(work.imports);
	free(work.is_told);
	map_free(&work.holding);
}
