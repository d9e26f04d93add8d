/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/gaps.h"

#include <stdbool.h>
#include <string.h>

static void drop(struct gaps *gaps, unsigned index)
{
	gaps->count--;
	memmove(&gaps->gap[index], &gaps->gap[index + 1],
		(gaps->count - index) * sizeof(*gaps->gap));
}

static void insert(struct gaps *gaps, unsigned index, struct gap gap)
{
	if (gaps->count == GAPS_MAX) {
		drop(gaps, 0);
		index -= index > 0;
	}
	memmove(&gaps->gap[index + 1], &gaps->gap[index],
		(gaps->count - index) * sizeof(*gaps->gap));
	gaps->gap[index] = gap;
	gaps->count++;
}

static enum gaps_verdict take_old(struct gaps *gaps, uint32_t number)
{
	for (unsigned i = 0; i < gaps->count; i++) {
		struct gap *gap = &gaps->gap[i], whole = *gap;

		if (number < gap->first || number > gap->last)
			continue;
		gaps->missing--;
		if (whole.first == whole.last) {
			drop(gaps, i);
		} else if (number == whole.first) {
			gap->first++;
		} else {
			gap->last = number - 1;
			if (number < whole.last)
				insert(gaps, i + 1, (struct gap){number + 1, whole.last});
		}
		return GAPS_LATE;
	}
	return GAPS_REPEATED;
}

enum gaps_verdict gaps_take(struct gaps *gaps, uint32_t number)
{
	bool jump = number > gaps->next;

	if (number < gaps->next)
		return take_old(gaps, number);
	if (jump) {
		insert(gaps, gaps->count, (struct gap){(uint32_t)gaps->next, number - 1});
		gaps->missing += number - gaps->next;
	}
	gaps->next = (uint64_t)number + 1;
	return jump ? GAPS_JUMP : GAPS_NEXT;
}
