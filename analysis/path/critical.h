/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The critical path below one node: walked backward from its end, always into the child that
 * finished last before the moment at hand. Children are clipped to their parent; one that is under
 * way where another, chosen one begins did not hold that up and is left out. The sections tile the
 * node's time exactly once.
 */
#ifndef ANALYSIS_PATH_CRITICAL_H
#define ANALYSIS_PATH_CRITICAL_H

#include "analysis/path/graph.h"

/* Time that a node spends itself, or in calls that have no rows. */
struct section_of_path {
	uint32_t node;
	int64_t start_ns, end_ns;
};

struct path {
	struct section_of_path *sections; /* the last moments first */
	uint32_t count, capacity;
};

/* Adds the sections below `root`. 0 or -ENOMEM. */
int critical_walk(const struct graph *graph, uint32_t root, struct path *path);

#endif
