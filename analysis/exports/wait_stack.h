/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each span waited for, its children's waits included, in one pass over a thread's spans in
 * the order of their starts. A span's text is kept until its end, when its waits are known: memory
 * grows with the depth only.
 */
#ifndef ANALYSIS_EXPORTS_WAIT_STACK_H
#define ANALYSIS_EXPORTS_WAIT_STACK_H

#include "analysis/exports/span_rows.h"
#include "analysis/fold_tree.h"
#include "lib/buf.h"

struct wait_frame {
	int64_t id, parent, end_ns, duration_ns, inner_ns;
	unsigned wait; /* enum rt_wait of its own time */
	int64_t waits[WAIT_CLASSES];
	struct buf text;
};

/* A span has ended. Its text is the callee's to finish. */
typedef void wait_end_fn(struct wait_frame *frame, void *context);

struct wait_stack {
	struct wait_frame *frames;
	size_t depth, capacity;
	const struct fold_tree *folds;
	wait_end_fn *end;
	void *context;
};

/* The frame of a span that begins; NULL when memory is out. Ends those that it is not inside of. */
struct wait_frame *wait_stack_push(struct wait_stack *stack, const struct span_row *row);
/* Charges folded calls at a place to a frame. */
void wait_stack_add_folds(
	struct wait_stack *stack, struct wait_frame *frame, enum fold_place place, int64_t id);
/* Ends all. */
void wait_stack_finish(struct wait_stack *stack);
void wait_stack_free(struct wait_stack *stack);

#endif
