/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a program as often as asked for and gathers what the starts came to. */
#ifndef ANALYSIS_COLDSTART_MEASURE_H
#define ANALYSIS_COLDSTART_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/coldstart/ready.h"
#include "analysis/coldstart/result.h"

struct measure_plan {
	char **command;
	char **run_options; /* for `ragtime run`, ends with NULL */
	struct ready ready;
	size_t runs;
	bool cold; /* drop the files it touches from the page cache before each */
	bool show_output;
	int64_t timeout_ns;
	const char *keep; /* a folder for the traces, or NULL */
};

/*
 * Fills in `result`. Tells its progress, and each run that failed, on standard error. 0, 1 where
 * ragtime itself failed, 4 where not one start got ready.
 */
int measure(const struct measure_plan *plan, struct result *result);

#endif
