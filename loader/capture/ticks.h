/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of records: the processor's time stamp counter where it can be trusted, else
 * CLOCK_MONOTONIC; and how its ticks relate to the system's clocks. */
#ifndef LOADER_CAPTURE_TICKS_H
#define LOADER_CAPTURE_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"

struct tick_pair {
	uint64_t ticks;
	uint64_t monotonic_ns;
	uint64_t realtime_ns;
};

struct ticks {
	bool slow; /* ticks are CLOCK_MONOTONIC's nanoseconds */
	struct tick_pair first;
	struct tick_pair last;
};

/* `slow`: do not use the counter even if it is good. */
void ticks_start(struct ticks *ticks, bool slow);

/* Reads all clocks at the same moment, as nearly as it goes, and remembers it. */
struct tick_pair ticks_pair(struct ticks *ticks);

/* By the first and the last pair; they should lie a millisecond apart or more. */
uint64_t ticks_per_second(const struct ticks *ticks);

uint64_t ticks_now(const struct ticks *ticks);

/* True where the counter runs evenly, on all processors alike, and the kernel trusts it too. */
bool ticks_invariant(void);

#endif
