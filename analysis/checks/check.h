/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A form in which `ragtime check` tells its findings: for people, for pull requests, for programs.
 *
 * To add one: check_X.c with `const struct check_form check_X`, and its line in checks.def.
 */
#ifndef ANALYSIS_CHECKS_CHECK_H
#define ANALYSIS_CHECKS_CHECK_H

#include "analysis/analysis.h"
#include "analysis/output.h"
#include "lib/json.h"

struct check {
	struct output out;
	struct json json;
	enum severity fail_on; /* and above */
	bool never_fails;
	bool explain;
	uint32_t total, failing, suppressed;
	uint32_t runs;
};

/* Of one run: its findings but for those that are suppressed. */
struct checked {
	const char *input;
	const struct run *run;
	const struct analysis *analysis;
	const struct finding **findings;
	uint32_t count, suppressed;
};

struct check_form {
	const char *name;
	/* begin, then any number of runs, then end; NULL: nothing to do */
	void (*begin)(struct check *check);
	void (*run)(struct check *check, const struct checked *checked);
	void (*end)(struct check *check);
};

/* NULL for a name that is none. */
const struct check_form *check_find(const char *name);

static inline bool check_fails(const struct check *check, const struct finding *finding)
{
	return !check->never_fails && finding->severity >= check->fail_on;
}

/* The first fix, or "". */
static inline const char *check_fix(const struct finding *finding)
{
	return finding->advice && finding->advice->count ? finding->advice->fixes[0] : "";
}

#endif
