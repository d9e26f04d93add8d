/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sets of starts held against each other, figure by figure. A figure has regressed where the
 * ranks say so (one-sided, 1 %, corrected by Holm for the number of figures) and the change is
 * above 5 %; that blocks where the interval of the ratio does not rule out the threshold. The
 * total and the memory decide; the stages say where a change is.
 */
#ifndef ANALYSIS_COLDSTART_COMPARE_H
#define ANALYSIS_COLDSTART_COMPARE_H

#include "analysis/coldstart/result.h"
#include "lib/rank.h"

enum change {
	CHANGE_NONE, /* surely within 5 % */
	CHANGE_IMPROVED,
	CHANGE_REGRESSED,    /* by less than the threshold, for sure */
	CHANGE_BLOCKED,	     /* and it may be as much as the threshold */
	CHANGE_INCONCLUSIVE, /* too noisy, or too few starts, to say */
};

struct change_line {
	const char *name, *title; /* of a stage, or wall, memory */
	double before, after;	  /* medians */
	struct rank_ratio ratio;
	double chance; /* that nothing grew, corrected; NAN: not to be had */
	enum change change;
	bool gates; /* it decides the verdict */
};

#define CHANGE_LINES (STAGE_COUNT + 2)

struct comparison {
	struct change_line lines[CHANGE_LINES]; /* wall first */
	size_t count;
	double threshold;
	enum change verdict; /* the worst of those that count */
};

void compare_results(const struct result *before, const struct result *after, double threshold,
	struct comparison *comparison);

const char *change_name(enum change change);

#endif
