/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readiness that only the trace tells: `ragtime info --until` reads along while it is written, in
 * a process of its own, and ends with 0 when the call is there.
 */
#ifndef ANALYSIS_COLDSTART_CALL_WATCH_H
#define ANALYSIS_COLDSTART_CALL_WATCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "analysis/coldstart/ready.h"

struct call_watch {
	pid_t pid; /* 0: not started, or over */
	bool seen;
};

/* Is the call there? Starts to read along as soon as there is a trace. */
bool call_watch_look(struct call_watch *watch, const struct ready *ready, const char *trace);

void call_watch_end(struct call_watch *watch);

#endif
