/* SPDX-License-Identifier: Apache-2.0 */
/* Edges and notes of all processors, put in the order of time. */
#ifndef LOADER_KERNEL_FEED_H
#define LOADER_KERNEL_FEED_H

#include <stdint.h>

#include "loader/kernel/programs.h"

struct feed;

struct feed *feed_new(struct programs *programs);
void feed_free(struct feed *feed);

struct feed_taker {
	void (*edge)(void *context, const struct rk_edge *edge);
	/* before the edge of the same thread and time; valid until the pass is over */
	void (*note)(void *context, const struct rk_note *note);
	void *context;
};

/* All that is certain to be in order by now; with `last`, all there is. How many. */
uint64_t feed_pass(struct feed *feed, const struct feed_taker *taker, int last);

/* What is older has been given, ns; UINT64_MAX after the last pass. */
uint64_t feed_horizon(const struct feed *feed);

/* Edges and notes that found no room, in all. */
uint64_t feed_lost(const struct feed *feed);

#endif
