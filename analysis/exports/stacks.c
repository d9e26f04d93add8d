/* SPDX-License-Identifier: Apache-2.0 */
/* Call stacks out of the call tree, and of samples. A thread's own time is its life outside of
 * both. */
#include "analysis/exports/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/exports/span_rows.h"
#include "lib/buf.h"
#include "lib/map.h"
#include "lib/strtab.h"

/* Deeper than any hooked stack; a damaged database may go in circles. */
#define DEPTH_MAX 512

struct stacks {
	struct strtab *texts;
	uint32_t *order;    /* the texts' numbers, sorted */
	struct map self_ns; /* by a text's number */
	struct map calls;
	struct map parents; /* of the thread at hand: the fold around a fold */
	struct map operations;
	struct query *name, *place;
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

static int add(struct stacks *stacks, const struct buf *stack, int64_t self_ns, int64_t calls)
{
	uint32_t number = strtab_add(stacks->texts, stack->data, stack->size);
	uint64_t *time = number ? map_at(&stacks->self_ns, number) : NULL;
	uint64_t *count = number ? map_at(&stacks->calls, number) : NULL;

	if (!time || !count || stack->failed)
		return -ENOMEM;
	*time += self_ns > 0 ? (uint64_t)self_ns : 0;
	*count += (uint64_t)calls;
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
		err = add(stacks, &stack, query_int(query, 1), 1);
		*rest_ns -= query_int(query, 1);
	}
	query_free(query);
	buf_free(&stack);
	return err;
}

/* The places around one that samples found, from the outermost to itself. */
static void put_places(struct stacks *stacks, int64_t frame, struct buf *stack)
{
	int64_t chain[DEPTH_MAX];
	size_t depth = 0;

	for (int64_t at = frame; at && depth < DEPTH_MAX;) {
		chain[depth++] = at;
		query_bind(stacks->place, 1, at);
		at = query_next(stacks->place) ? query_int(stacks->place, 1) : 0;
	}
	while (depth--) {
		const char *name = NULL;

		query_bind(stacks->place, 1, chain[depth]);
		if (query_next(stacks->place))
			name = query_text(stacks->place, 0);
		put_frame(stack, name && *name ? name : "?");
	}
}

/* Processor time, where samples were taken: of the thread's own life outside of calls. */
static int add_samples(struct stacks *stacks, struct model *model, const struct thread_row *thread,
	int64_t *rest_ns)
{
	struct query *query = model_query(model,
		"SELECT frame, SUM(weight_ns), COUNT(*) FROM sample WHERE thread = ?"
		" AND sampled = 0 GROUP BY frame ORDER BY frame");
	struct buf stack = {0};
	int err = 0;

	query_bind(query, 1, thread->id);
	while (!err && query_next(query)) {
		start_stack(&stack, thread);
		put_places(stacks, query_int(query, 0), &stack);
		err = add(stacks, &stack, query_int(query, 1), query_int(query, 2));
		*rest_ns -= query_int(query, 1);
	}
	query_free(query);
	buf_free(&stack);
	return err;
}

static int add_thread(struct stacks *stacks, struct model *model, const struct thread_row *thread)
{
	int64_t rest_ns = model_number(model,
		"SELECT " MODEL_THREAD_END " - " MODEL_THREAD_START " FROM thread t"
		" JOIN process p ON p.id = t.process JOIN run r ON r.id = p.run WHERE t.id = ?",
		thread->id, 0);
	struct query *query = model_query(
		model, "SELECT id, self_ns, calls FROM fold WHERE thread = ? ORDER BY id");
	int err = read_parents(stacks, model, thread->id);
	struct buf stack = {0};

	query_bind(query, 1, thread->id);
	while (!err && query_next(query)) {
		start_stack(&stack, thread);
		put_frames(stacks, query_int(query, 0), &stack);
		err = add(stacks, &stack, query_int(query, 1), query_int(query, 2));
		rest_ns -= query_int(query, 1);
	}
	if (!err)
		err = add_open(stacks, model, thread, &rest_ns);
	if (!err)
		err = add_samples(stacks, model, thread, &rest_ns);
	start_stack(&stack, thread);
	if (!err)
		err = add(stacks, &stack, rest_ns, 0);
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

static int sort(struct stacks *stacks)
{
	uint32_t count = strtab_count(stacks->texts);

	stacks->order = calloc(count, sizeof(*stacks->order));
	if (!stacks->order)
		return -ENOMEM;
	for (uint32_t i = 1; i < count; i++)
		stacks->order[i] = i;
	qsort_r(stacks->order + 1, count - 1, sizeof(*stacks->order), compare_texts, stacks->texts);
	return 0;
}

struct stacks *stacks_of_run(struct model *model, const struct run *run)
{
	struct stacks *stacks = calloc(1, sizeof(*stacks));
	struct query *query;
	struct thread_row thread;
	int err = 0;

	if (!stacks)
		return NULL;
	stacks->texts = strtab_new();
	if (!stacks->texts) {
		free(stacks);
		return NULL;
	}
	stacks->name = model_query(model, "SELECT name FROM operation WHERE id = ?");
	stacks->place = model_query(model, "SELECT name, caller FROM frame WHERE id = ?");
	query = thread_rows(model, run);
	while (!err && thread_rows_next(query, &thread))
		err = add_thread(stacks, model, &thread);
	if (!err)
		err = sort(stacks);
	query_free(query);
	query_free(stacks->name);
	query_free(stacks->place);
	map_free(&stacks->parents);
	map_free(&stacks->operations);
	if (!err)
		return stacks;
	stacks_free(stacks);
	return NULL;
}

size_t stacks_count(const struct stacks *stacks)
{
	return strtab_count(stacks->texts) - 1;
}

struct stack stacks_get(const struct stacks *stacks, size_t index)
{
	uint32_t number = stacks->order[index + 1];

	return (struct stack){
		.frames = strtab_get(stacks->texts, number),
		.self_ns = *map_find(&stacks->self_ns, number),
		.calls = *map_find(&stacks->calls, number),
	};
}

const char *stack_next_frame(const char **frames, size_t *size)
{
	const char *frame = *frames;

	if (!*frame)
		return NULL;
	*size = strcspn(frame, ";");
	*frames = frame + *size + (frame[*size] == ';');
	return frame;
}

void stacks_free(struct stacks *stacks)
{
	if (!stacks)
		return;
	strtab_free(stacks->texts);
	map_free(&stacks->self_ns);
	map_free(&stacks->calls);
	free(stacks->order);
	free(stacks);
}
