/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who called whom within one thread. Calls arrive in the order of their ends, each with the number
 * of calls open around it. So the parent of a call at depth d is the first later call whose depth
 * is less than d: if its depth is d - 1 and it encloses the call, that is proof. If it is not, the
 * parent never ended in this trace (it was lost, or unwound by longjmp or an exception), and the
 * call has no parent that we know: a wrong join is worse than none.
 *
 * Waits that the kernel tells of (rt_is_by_time) are placed by their times, and are nobody's
 * parents.
 *
 * A section (a thread's calls in one block) is looked through from its end, so that parents come
 * before their children. Calls whose parents end only in a later section wait in open levels.
 */
#ifndef DECODER_NEST_H
#define DECODER_NEST_H

#include <stddef.h>
#include <stdint.h>

#include "decoder/section.h"

#define NEST_DEPTHS 256
/* The depth of a record saturates here: what is nested deeper stands at this depth too. */
#define NEST_DEEPEST (NEST_DEPTHS - 1)

/* A parent is an index of the section, or: */
enum nest_parent {
	NEST_ROOT = -1, /* the thread */
	NEST_OPEN = -2, /* a call that ends in a later section */
	NEST_LOST = -3, /* promised by the depth, but not there */
};

struct nest {
	int32_t nearest[NEST_DEPTHS]; /* the first call at this depth, with none less deep before */
	uint32_t limit;		      /* above it, nearest[] is NEST_LOST */
};

/* Fills parents[]. Afterwards nest_taker tells what became of the calls of earlier sections. */
void nest_resolve(
	struct nest *nest, const struct section_call *calls, size_t count, int32_t *parents);

/*
 * The call that is the parent of those that wait at `depth` since earlier sections; NEST_OPEN: not
 * ended yet; NEST_LOST: will never come. The caller checks that it encloses them.
 */
static inline int32_t nest_taker(const struct nest *nest, uint32_t depth)
{
	return depth - 1 <= nest->limit ? nest->nearest[depth - 1] : NEST_LOST;
}

/*
 * Durations beyond 2^32 ticks are recorded with fewer low bits, so that a parent may seem to end
 * before its last child by this much.
 */
static inline uint64_t nest_slack(uint64_t duration)
{
	return duration >> 31;
}

#endif
