/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users wait for: the requests that the traced processes answer; where there are none, each
 * process that nobody waits for, by its main thread. Each has its critical path, and that path is
 * summed up by operation and by class.
 */
#ifndef ANALYSIS_PATH_UNITS_H
#define ANALYSIS_PATH_UNITS_H

#include "analysis/path/critical.h"
#include "analysis/path/events.h"

struct unit {
	uint32_t root;		       /* node */
	uint32_t first, section_count; /* in units.path */
	int64_t leaves[WAIT_CLASSES];
};

/* What an operation has on the paths of all units. Index 0: no operation, a root's own time. */
struct operation_path {
	int64_t path_ns;
	int64_t leaves[WAIT_CLASSES];
	/* of its nodes in units, on the path or not */
	int64_t count, sum_ns;
	double sum_squares;
	uint32_t units; /* that have it */
};

struct units {
	const struct graph *graph;
	struct unit *list; /* in the order of starts */
	uint32_t count;
	bool are_requests;
	struct path path;
	struct events events;
	uint32_t *owner; /* unit of each node; NODE_NONE: none */
	struct operation_path *operations;
	int64_t total_ns; /* of all units */
	int64_t leaves[WAIT_CLASSES];
};

/* NULL when memory is out. */
struct units *units_new(const struct graph *graph);
void units_free(struct units *units);

static inline int64_t unit_duration(const struct units *units, const struct unit *unit)
{
	return node_duration(&units->graph->nodes[unit->root]);
}

/* The smallest that no less than `percent` of `count` sorted values do not exceed. */
int64_t percentile_of(const int64_t *sorted, uint32_t count, unsigned percent);
void sort_durations(int64_t *list, uint32_t count);

/* Standard deviation over mean of an operation's durations. */
double operation_variation(const struct operation_path *operation);

#endif
