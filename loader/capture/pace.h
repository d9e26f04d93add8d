/* SPDX-License-Identifier: Apache-2.0 */
/* How long the drain may sleep between passes, and how much of the region gets pages. */
#ifndef LOADER_CAPTURE_PACE_H
#define LOADER_CAPTURE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/capture/rings.h"

struct pace {
	uint64_t last_ns; /* the pass before */
	uint64_t sleep_ns;
	uint64_t next_ns;
};

void pace_start(struct pace *pace, uint64_t now_ns);

/* After a pass that began at now_ns and read so many records. hurry: slots are being used up. */
void pace_step(
	struct pace *pace, struct region *region, uint64_t now_ns, uint64_t records, bool hurry);

/* After pace_step: the kernel's side writes too, and can wait so long. Where it alone does, chunks
 * say nothing of when there will be more. */
void pace_kernel(struct pace *pace, struct region *region, uint64_t patience_ns);

/* When the next pass is due. */
uint64_t pace_next(const struct pace *pace);

#endif
