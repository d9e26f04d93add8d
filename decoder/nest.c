/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/nest.h"

#include <stdbool.h>

static bool encloses(const struct section_call *outer, const struct section_call *inner)
{
	return outer->start <= inner->start &&
		inner->end <= outer->end + nest_slack(outer->end - outer->start);
}

static int32_t parent_of(const struct nest *nest, const struct section_call *calls, size_t index)
{
	const struct section_call *call = &calls[index];
	uint32_t depth = call->depth;
	int32_t sibling, parent;

	if (!depth)
		return NEST_ROOT;
	parent = nest_taker(nest, depth);
	if (parent < 0)
		return parent;
	if (!encloses(&calls[parent], call))
		return NEST_LOST;
	/* The next at the same depth cannot have begun before this one ended: another stack. */
	sibling = depth <= nest->limit && depth < NEST_DEEPEST ? nest->nearest[depth] : NEST_LOST;
	if (sibling >= 0 && calls[sibling].start < call->end && !section_is_mark(call))
		return NEST_LOST;
	return parent;
}

/* The innermost that encloses it; where none does, one that is still open if its depth says so. */
static int32_t around(const struct nest *nest, const struct section_call *calls, size_t index)
{
	const struct section_call *call = &calls[index];

	for (uint32_t depth = nest->limit + 1; depth-- > 0;)
		if (nest->nearest[depth] >= 0 && encloses(&calls[nest->nearest[depth]], call))
			return nest->nearest[depth];
	return call->depth && nest_taker(nest, call->depth) == NEST_OPEN ? NEST_OPEN : NEST_ROOT;
}

static void pass(struct nest *nest, uint32_t depth, int32_t index)
{
	while (nest->limit + 1 < depth)
		nest->nearest[++nest->limit] = NEST_LOST;
	nest->nearest[depth] = index;
	nest->limit = depth;
}

void nest_resolve(
	struct nest *nest, const struct section_call *calls, size_t count, int32_t *parents)
{
	for (uint32_t depth = 0; depth < NEST_DEPTHS; depth++)
		nest->nearest[depth] = NEST_OPEN;
	nest->limit = NEST_DEEPEST;
	for (size_t i = count; i-- > 0;) {
		if (rt_is_by_time(calls[i].kind)) {
			parents[i] = around(nest, calls, i);
			continue;
		}
		parents[i] = parent_of(nest, calls, i);
		if (!section_is_mark(&calls[i]))
			pass(nest, calls[i].depth, (int32_t)i);
	}
}
