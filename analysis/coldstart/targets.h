/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a start should stay within. A target is met where even the upper bound of the mean (95 %
 * sure) is below it, and missed where the mean itself is above; in between more starts are needed
 * to say. Unknown: nothing of it was seen.
 */
#ifndef ANALYSIS_COLDSTART_TARGETS_H
#define ANALYSIS_COLDSTART_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/coldstart/result.h"

enum target {
#define TARGET(name, title, unit, limit) TARGET_##name,
#include "analysis/coldstart/targets.def"
#undef TARGET
	TARGET_COUNT
};

struct targets {
	double limit[TARGET_COUNT];
	bool named; /* by the user: then they decide the exit code */
};

enum target_outcome { TARGET_MET, TARGET_MISSED, TARGET_UNSURE, TARGET_UNKNOWN };

struct target_line {
	const char *name, *title;
	bool is_bytes;
	double limit, mean, bound; /* NAN: not known */
	enum target_outcome outcome;
};

void targets_default(struct targets *targets);

/*
 * A file of lines "name: value", as in "total: 5 s" and "memory: 500 MB"; # begins a comment. Those
 * it does not name keep their defaults. False after a message on standard error.
 */
bool targets_read(struct targets *targets, const char *path);

struct target_line target_judge(
	const struct targets *targets, enum target target, const struct result *result);

const char *target_outcome_name(enum target_outcome outcome);

#endif
