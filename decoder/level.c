/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/level.h"

#include <stdlib.h>
#include <string.h>

void levels_free(struct levels *levels)
{
	free(levels->list);
	map_free(&levels->rows);
	memset(levels, 0, sizeof(*levels));
}

struct level *levels_at(struct levels *levels, uint32_t depth)
{
	if (depth >= levels->count) {
		struct level *more = realloc(levels->list, (depth + 1) * sizeof(*more));

		if (!more)
			return NULL;
		memset(more + levels->count, 0, (depth + 1 - levels->count) * sizeof(*more));
		levels->list = more;
		levels->count = depth + 1;
	}
	return &levels->list[depth];
}
