/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of one thread whose parent has not ended yet, by depth. Their rows already carry the id
 * that the parent's row will have; their folds wait in a tree of their own, which moves under the
 * parent's fold when its operation is known.
 */
#ifndef DECODER_LEVEL_H
#define DECODER_LEVEL_H

#include <stdint.h>

#include "lib/map.h"

struct level {
	uint64_t calls;	   /* 0: nobody waits here */
	uint64_t earliest; /* ticks */
	uint64_t latest;
	uint64_t unit; /* ticks: the coarsest that their times are rounded to */
	uint64_t sum_ns;
	int64_t promise; /* id of the parent's row */
	int64_t first_row, last_row;
	uint32_t fold; /* root of the waiting tree; 0: none yet */
};

struct levels {
	struct level *list; /* by the depth of the waiting calls */
	uint32_t count;
	struct map rows; /* depth << 32 | kind: rows given out so far */
};

void levels_free(struct levels *levels);

/* NULL when memory is out. */
struct level *levels_at(struct levels *levels, uint32_t depth);

#endif
