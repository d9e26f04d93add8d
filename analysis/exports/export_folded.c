/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded stacks, as flamegraph.pl and speedscope read them: "program;thread;outer;inner N", N being
 * the microseconds that the innermost call took itself. A thread's own N is its life outside of
 * recorded calls.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/exports/exporter.h"
#include "analysis/exports/span_rows.h"
#include "lib/map.h"
#include "lib/strtab.h"

/* Deeper than any hooked stack; a damaged database may go in circles. */
#define DEPTH_MAX 512

struct stacks {
	struct strtab *texts;
	struct map self_ns; /* by a text's number */
	struct map parents; /* of the thread at hand: the fold around a fold */
	struct map operations;
	struct query *name;
};

/* A frame's name must not look like the format's own marks. */
static void put_frame(struct buf *stack, const char *name)
{
	if (stack->size)
		buf_append(stack, ";", 1);
	for (; *name; name++) {
		char byte = *name == ';' ? ',' : (unsigned char)*name < 0x20 ? ' ' : *name;

		buf_append(stack, &byte, 1);
	}
}

static int add(struct stacks *stacks, const struct buf *stack, int64_t self_ns)
{
	uint32_t number = strtab_add(stacks->texts, stack->data, stack->size);
	uint64_t *place = number ? map_at(&stacks->self_ns, number) : NULL;

	if (!place || stack->failed)
		return -ENOMEM;
	*place += self_ns > 0 ? (uint64_t)self_ns : 0;
	return 0;
}

/* The frames around a fold, from the outermost to itself. */
static void put_frames(struct stacks *stacks, int64_t fold, struct buf *stack)
{
	uint64_t chain[DEPTH_MAX];
	size_t depth = 0;
	uint64_t *parent;

	for (uint64_t at = (uint64_t)fold; at && depth < DEPTH_MAX; at = parent ? *parent : 0) {
		chain[depth++] = at;
		parent = map_find(&stacks->parents, at);
	}
	while (depth--) {
		uint64_t *operation = map_find(&stacks->operations, chain[depth]);

		query_bind(stacks->name, 1, operation ? (int64_t)*operation : 0);
		put_frame(stack, query_next(stacks->name) ? query_text(stacks->name, 0) : "?");
	}
}

static int read_parents(struct stacks *stacks, struct model *model, int64_t thread)
{
	struct query *query =
		model_query(model, "SELECT id, parent, operation FROM fold WHERE thread = ?");
	int err = 0;

	map_free(&stacks->parents);
	map_free(&stacks->operations);
	query_bind(query, 1, thread);
	while (!err && query_next(query)) {
		uint64_t *parent = map_at(&stacks->parents, (uint64_t)query_int(query, 0));
		uint64_t *operation = map_at(&stacks->operations, (uint64_t)query_int(query, 0));

		if (parent && operation) {
			*parent = (uint64_t)query_int(query, 1);
			*operation = (uint64_t)query_int(query, 2);
		} else {
			err = -ENOMEM;
		}
	}
	query_free(query);
	return err;
}

static void start_stack(struct buf *stack, const struct thread_row *thread)
{
	buf_clear(stack);
	put_frame(stack, thread->program ? basename(thread->program) : "process");
	put_frame(stack, thread->name ? thread->name : "thread");
	buf_printf(stack, "-%lld", (long long)thread->tid);
}

/* Ended calls are in folds; of those that had not ended the innermost has nothing else inside. */
static int add_open(struct stacks *stacks, struct model *model, const struct thread_row *thread,
	int64_t *rest_ns)
{
	struct query *query = model_query(model,
		"SELECT o.name, r.end_ns - s.start_ns FROM span s"
		" JOIN operation o ON o.id = s.operation JOIN thread t ON t.id = s.thread"
		" JOIN process p ON p.id = t.process JOIN run r ON r.id = p.run"
		" WHERE s.thread = ? AND s.end_ns IS NULL"
		" AND NOT EXISTS (SELECT 1 FROM span c WHERE c.parent = s.id)");
	struct buf stack = {0};
	int err = 0;

	query_bind(query, 1, thread->id);
	while (!err && query_next(query)) {
		start_stack(&stack, thread);
		put_frame(&stack, query_text(query, 0));
		buf_puts(&stack, " (not ended)");
		err = add(stacks, &stack, query_int(query, 1));
		*rest_ns -= query_int(query, 1);
	}
	query_free(query);
	buf_free(&stack);
	return err;
}

static int add_thread(struct stacks *stacks, struct model *model, const struct thread_row *thread)
{
	int64_t rest_ns = model_number(model,
		"SELECT COALESCE(t.end_ns, p.end_ns, r.end_ns) -"
		" COALESCE(t.start_ns, p.start_ns, r.start_ns) FROM thread t"
		" JOIN process p ON p.id = t.process JOIN run r ON r.id = p.run WHERE t.id = ?",
		thread->id, 0);
	struct query *query =
		model_query(model, "SELECT id, self_ns FROM fold WHERE thread = ? ORDER BY id");
	int err = read_parents(stacks, model, thread->id);
	struct buf stack = {0};

	query_bind(query, 1, thread->id);
	while (!err && query_next(query)) {
		start_stack(&stack, thread);
		put_frames(stacks, query_int(query, 0), &stack);
		err = add(stacks, &stack, query_int(query, 1));
		rest_ns -= query_int(query, 1);
	}
	if (!err)
		err = add_open(stacks, model, thread, &rest_ns);
	start_stack(&stack, thread);
	if (!err)
		err = add(stacks, &stack, rest_ns);
	query_free(query);
	buf_free(&stack);
	return err;
}

static int compare_texts(const void *left, const void *right, void *context)
{
	const struct strtab *texts = context;

	return strcmp(strtab_get(texts, *(const uint32_t *)left),
		strtab_get(texts, *(const uint32_t *)right));
}

static int put_stacks(struct export *export, const struct stacks *stacks)
{
	uint32_t count = strtab_count(stacks->texts);
	uint32_t *order = calloc(count, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 1; i < count; i++)
		order[i] = i;
	qsort_r(order + 1, count - 1, sizeof(*order), compare_texts, stacks->texts);
	for (uint32_t i = 1; i < count; i++) {
		uint64_t *self_ns = map_find(&stacks->self_ns, order[i]);
		uint64_t us = self_ns ? (*self_ns + 500) / 1000 : 0;

		if (us)
			buf_printf(&export->out.bytes, "%s %llu\n",
				strtab_get(stacks->texts, order[i]), (unsigned long long)us);
		output_flush(&export->out);
	}
	free(order);
	return 0;
}

static int folded_run(struct export *export, struct model *model, const struct run *run)
{
	struct stacks stacks = {.texts = strtab_new()};
	struct query *query = thread_rows(model, run);
	struct thread_row thread;
	int err = stacks.texts ? 0 : -ENOMEM;

	stacks.name = model_query(model, "SELECT name FROM operation WHERE id = ?");
	while (!err && thread_rows_next(query, &thread))
		err = add_thread(&stacks, model, &thread);
	if (!err)
		err = put_stacks(export, &stacks);
	query_free(query);
	query_free(stacks.name);
	strtab_free(stacks.texts);
	map_free(&stacks.self_ns);
	map_free(&stacks.parents);
	map_free(&stacks.operations);
	return err;
}

const struct exporter exporter_folded = {
	.name = "folded",
	.rows = "none",
	.run = folded_run,
};
