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
		parents[i] = parent_of(nest, calls, i);
		if (!section_is_mark(&calls[i]))
			pass(nest, calls[i].depth, (int32_t)i);
	}
}
