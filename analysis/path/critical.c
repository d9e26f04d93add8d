/* SPDX-License-Identifier: Apache-2.0 */
/* The walk keeps its own stack: a trace may be as deep as its calls. */
#include "analysis/path/critical.h"

#include <errno.h>
#include <stdlib.h>

struct frame {
	uint32_t node;
	uint32_t next; /* children left to look at, from the last to end */
	int64_t start_ns, at_ns;
};

struct stack {
	struct frame *frames;
	uint32_t depth, capacity;
};

static int push(struct stack *stack, const struct node *node, uint32_t index, int64_t start_ns,
	int64_t end_ns)
{
	if (stack->depth == stack->capacity) {
		uint32_t capacity = stack->capacity ? stack->capacity * 2 : 64;
		struct frame *frames = realloc(stack->frames, capacity * sizeof(*frames));

		if (!frames)
			return -ENOMEM;
		stack->frames = frames;
		stack->capacity = capacity;
	}
	stack->frames[stack->depth++] = (struct frame){
		.node = index, .next = node->child_count, .start_ns = start_ns, .at_ns = end_ns};
	return 0;
}

static int emit(struct path *path, uint32_t node, int64_t start_ns, int64_t end_ns)
{
	if (start_ns >= end_ns)
		return 0;
	if (path->count == path->capacity) {
		uint32_t capacity = path->capacity ? path->capacity * 2 : 256;
		struct section_of_path *sections =
			realloc(path->sections, capacity * sizeof(*sections));

		if (!sections)
			return -ENOMEM;
		path->sections = sections;
		path->capacity = capacity;
	}
	path->sections[path->count++] =
		(struct section_of_path){.node = node, .start_ns = start_ns, .end_ns = end_ns};
	return 0;
}

/* The child that ended last before frame->at_ns, with its part inside the frame; or none. */
static bool last_child(const struct graph *graph, struct frame *frame, bool is_first,
	uint32_t *child, int64_t *start_ns, int64_t *end_ns)
{
	const struct node *node = &graph->nodes[frame->node];

	while (frame->next) {
		uint32_t index = graph->by_end[node->first + --frame->next];
		const struct node *at = &graph->nodes[index];

		if (at->end_ns <= frame->start_ns)
			return false;
		/* only at the frame's own end may a child go on beyond it: there it is clipped */
		if ((at->end_ns > frame->at_ns && !is_first) || at->start_ns >= frame->at_ns ||
			at->start_ns == at->end_ns)
			continue;
		*child = index;
		*start_ns = at->start_ns > frame->start_ns ? at->start_ns : frame->start_ns;
		*end_ns = at->end_ns < frame->at_ns ? at->end_ns : frame->at_ns;
		return true;
	}
	return false;
}

static int step(const struct graph *graph, struct stack *stack, struct path *path)
{
	struct frame *frame = &stack->frames[stack->depth - 1];
	bool is_first = frame->next == graph->nodes[frame->node].child_count;
	int64_t start_ns, end_ns;
	uint32_t child, node = frame->node;
	int err;

	/* still at the end while all that was looked at began after it */
	if (!last_child(graph, frame, is_first, &child, &start_ns, &end_ns)) {
		stack->depth--;
		return emit(path, node, frame->start_ns, frame->at_ns);
	}
	err = emit(path, node, end_ns, frame->at_ns);
	frame->at_ns = start_ns;
	return err ? err : push(stack, &graph->nodes[child], child, start_ns, end_ns);
}

int critical_walk(const struct graph *graph, uint32_t root, struct path *path)
{
	const struct node *node = &graph->nodes[root];
	struct stack stack = {0};
	int err = push(&stack, node, root, node->start_ns, node->end_ns);

	while (!err && stack.depth)
		err = step(graph, &stack, path);
	free(stack.frames);
	return err;
}
