/* SPDX-License-Identifier: Apache-2.0 */
/* The distinct call stacks of a run, with the time that the innermost call of each took itself; and
 * those that samples found, with the processor time that they stand for. */
#ifndef ANALYSIS_EXPORTS_STACKS_H
#define ANALYSIS_EXPORTS_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/model.h"

struct stacks;

struct stack {
	const char *frames; /* "program;thread-tid;outer;inner" */
	uint64_t self_ns, calls;
};

/* In the order of their frames. NULL when memory is out. */
struct stacks *stacks_of_run(struct model *model, const struct run *run);
size_t stacks_count(const struct stacks *stacks);
struct stack stacks_get(const struct stacks *stacks, size_t index);
void stacks_free(struct stacks *stacks);

/* The next frame and its size, or NULL; moves on. */
const char *stack_next_frame(const char **frames, size_t *size);

#endif
