/* SPDX-License-Identifier: Apache-2.0 */
/* What each span waited for. */
#include "analysis/exports/wait_stack.h"

#include <stdlib.h>
#include <string.h>

static struct wait_frame *find(struct wait_stack *stack, int64_t id)
{
	for (size_t i = stack->depth; id && i--;) {
		if (stack->frames[i].id == id)
			return &stack->frames[i];
	}
	return NULL;
}

static void pop(struct wait_stack *stack)
{
	struct wait_frame *frame = &stack->frames[--stack->depth];
	struct wait_frame *parent = find(stack, frame->parent);
	int64_t self_ns = frame->duration_ns - frame->inner_ns;

	if (frame->wait && self_ns > 0)
		frame->waits[frame->wait] += self_ns;
	stack->end(frame, stack->context);
	if (!parent)
		return;
	parent->inner_ns += frame->duration_ns;
	for (unsigned i = 0; i < WAIT_CLASSES; i++)
		parent->waits[i] += frame->waits[i];
}

static struct wait_frame *reserve(struct wait_stack *stack)
{
	if (stack->depth == stack->capacity) {
		size_t capacity = stack->capacity ? stack->capacity * 2 : 16;
		struct wait_frame *frames = realloc(stack->frames, capacity * sizeof(*frames));

		if (!frames)
			return NULL;
		memset(frames + stack->capacity, 0, (capacity - stack->capacity) * sizeof(*frames));
		stack->frames = frames;
		stack->capacity = capacity;
	}
	return &stack->frames[stack->depth++];
}

struct wait_frame *wait_stack_push(struct wait_stack *stack, const struct span_row *row)
{
	struct wait_frame *parent = find(stack, row->parent), *frame;
	struct buf text;

	/* with its parent open, what is above that has ended; an orphan ends what time has ended */
	while (stack->depth &&
		(parent ? &stack->frames[stack->depth - 1] != parent
			: stack->frames[stack->depth - 1].end_ns <= row->start_ns))
		pop(stack);
	frame = reserve(stack);
	if (!frame)
		return NULL;
	text = frame->text;
	buf_clear(&text);
	*frame = (struct wait_frame){
		.id = row->id,
		.parent = row->parent,
		.end_ns = row->end_ns,
		.duration_ns = row->end_ns - row->start_ns,
		.wait = row->operation ? (unsigned)row->wait_class % WAIT_CLASSES : 0,
		.text = text,
	};
	wait_stack_add_folds(stack, frame, FOLD_BELOW_SPAN, row->id);
	return frame;
}

void wait_stack_add_folds(
	struct wait_stack *stack, struct wait_frame *frame, enum fold_place place, int64_t id)
{
	frame->inner_ns += fold_tree_waits(stack->folds, place, id, frame->waits);
}

void wait_stack_finish(struct wait_stack *stack)
{
	while (stack->depth)
		pop(stack);
}

void wait_stack_free(struct wait_stack *stack)
{
	for (size_t i = 0; i < stack->capacity; i++)
		buf_free(&stack->frames[i].text);
	free(stack->frames);
	*stack = (struct wait_stack){0};
}
