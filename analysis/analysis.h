/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is found out about one run, once, for all that show it: the graph of its spans, the critical
 * path of each unit, what each operation has of them and would save.
 */
#ifndef ANALYSIS_ANALYSIS_H
#define ANALYSIS_ANALYSIS_H

#include "analysis/path/impact.h"
#include "analysis/rules/findings.h"

/* So many operations are replayed at four speeds. */
#define ANALYSIS_WHAT_IF 8

/* What the user can set: thresholds and advice. */
struct analysis_settings {
	struct thresholds *thresholds;
	struct advices *advices;
};

/* 0, or -1 with a sentence in `error`. */
int analysis_settings_load(struct analysis_settings *settings, char *error, size_t error_size);
void analysis_settings_free(struct analysis_settings *settings);

struct analysis {
	struct graph *graph;
	struct units *units;
	struct replay *replay;
	struct impacts impacts;
	struct findings findings;
	const struct analysis_settings *settings;
};

/* Keeps the pointers. NULL when memory is out. */
struct analysis *analysis_new(
	struct model *model, const struct run *run, const struct analysis_settings *settings);
void analysis_free(struct analysis *analysis);

#endif
