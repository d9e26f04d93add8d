/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is found out about one run, once, for all that show it: the graph of its spans, the critical
 * path of each unit, what each operation has of them and would save.
 */
#ifndef ANALYSIS_ANALYSIS_H
#define ANALYSIS_ANALYSIS_H

#include "analysis/path/impact.h"

/* So many operations are replayed at four speeds. */
#define ANALYSIS_WHAT_IF 8

struct analysis {
	struct graph *graph;
	struct units *units;
	struct replay *replay;
	struct impacts impacts;
};

/* NULL when memory is out. */
struct analysis *analysis_new(struct model *model, const struct run *run);
void analysis_free(struct analysis *analysis);

#endif
