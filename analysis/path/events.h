/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When threads waited for events. What an event loop runs stands beside its waits, not above them:
 * of a coroutine's own time this tells what it spent suspended, and whether the clock alone ended
 * that.
 */
#ifndef ANALYSIS_PATH_EVENTS_H
#define ANALYSIS_PATH_EVENTS_H

#include "analysis/path/critical.h"

struct events {
	uint32_t *list;	 /* nodes, by thread, then by start */
	uint32_t *first; /* of each thread, in list; one more for the end */
};

/* 0 or -ENOMEM. */
int events_load(const struct graph *graph, struct events *events);
void events_free(struct events *events);

struct events_part {
	uint32_t first, end; /* in events.list */
	int64_t waited_ns;
	bool by_clock; /* nothing came until a timer had run out */
};

/* Of a section of a node's own time. */
struct events_part events_during(const struct graph *graph, const struct events *events,
	const struct section_of_path *section);

#endif
