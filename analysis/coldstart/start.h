/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One start of the program under `ragtime run`, watched from beside until it is ready, and then
 * ended.
 */
#ifndef ANALYSIS_COLDSTART_START_H
#define ANALYSIS_COLDSTART_START_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/coldstart/proc.h"
#include "analysis/coldstart/ready.h"
#include "analysis/coldstart/result.h"

struct start_plan {
	char **command;
	char **run_options; /* for `ragtime run`, ends with NULL */
	const char *trace;  /* where it is to be written */
	const struct ready *ready;
	int64_t timeout_ns;
	bool show_output; /* of the program, on standard error */
	/* Each file that a process of it maps, seen when it is ready. */
	void (*mapped)(void *context, const char *path);
	void *context;
};

enum start_end {
	START_READY,   /* the condition was seen to hold, and then the program was told to end */
	START_EXITED,  /* it ended by itself, before that or without such a condition */
	START_TIMEOUT, /* neither: it was told to end */
};

struct start {
	enum start_end end;
	enum ending ending;
	int64_t ready_ns; /* CLOCK_MONOTONIC, when it was seen; 0: it was not */
	int status;	  /* of the program, as a shell says it */
	int64_t rss_first, rss_ready, rss_peak; /* bytes, as sampled; -1: it was too quick */
	struct proc_faults faults;		/* at the last look */
	char *told;				/* the end of what it wrote on standard error */
};

/* 0, or -errno where `ragtime run` could not be started. */
int start_once(const struct start_plan *plan, struct start *start);

#endif
