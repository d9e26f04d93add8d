/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a start is over: --ready. Some conditions are watched for from outside while the program
 * runs, calls in its trace while that is written (call_watch.h).
 */
#ifndef ANALYSIS_COLDSTART_READY_H
#define ANALYSIS_COLDSTART_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/coldstart/proc.h"

enum ready_kind {
	READY_AUTO,	 /* it listens, or it ends */
	READY_LISTEN,	 /* on TCP */
	READY_HTTP,	 /* it answers with 2xx */
	READY_INFERENCE, /* the first answer of a model is complete */
	READY_FUNCTION,	 /* the first call of a function has returned */
	READY_EXIT,	 /* it ends */
};

struct ready {
	enum ready_kind kind;
	unsigned port;	     /* 0: whichever it listens on */
	const char *pattern; /* of the function; of HTTP: the path */
};

/* NULL, or what is wrong with the text. `ready` keeps pointers into it. */
const char *ready_parse(const char *text, struct ready *ready);

/* Is it a call, which only the trace tells of? */
bool ready_is_call(const struct ready *ready);

/*
 * Does it hold now, as far as can be seen without the trace? HTTP asks the program, and waits up
 * to a second for the answer. `port` begins as 0 and keeps what was found out.
 */
bool ready_holds(const struct ready *ready, const struct proc_tree *tree, unsigned *port);

/* "listening on port 8000". */
void ready_describe(const struct ready *ready, char *out, unsigned size);

#endif
