/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tracing session: the region, the drain, the stream and the control socket of one run, and the
 * loop that keeps them going while the target lives.
 */
#ifndef LOADER_CAPTURE_SESSION_H
#define LOADER_CAPTURE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/capture/runtime_rules.h"
#include "loader/target/job.h"

struct kernel;
struct session;

struct session_options {
	const char *output;  /* as in trace_writer_options */
	uint64_t max_size;   /* rotate; 0: one file */
	const char *command; /* the program's name, without arguments */
	char **patterns;     /* --func, ends with NULL */
	const struct runtime_rules
		*rules; /* of language runtimes' functions; NULL: none are wanted */
	char **forced;	/* --protocol, ends with NULL */
	bool no_packs;	/* no function packs */
	bool content;	/* what is said on connections is kept */
	bool follow;
	bool no_node; /* nothing of ours runs inside Node */
	bool slow_clock;
	uint64_t duration_ns;  /* 0: until the target ends */
	const char *mode;      /* how it is captured, as the trace says it */
	struct kernel *kernel; /* the programs in the kernel, borrowed; NULL: none */
	int region;	       /* an empty memfd for the shim's rings; -1: one is made */
	bool attached; /* the target runs already and is not ours: the first signal ends tracing */
};

/* NULL after a message on standard error. */
struct session *session_open(const struct session_options *options);

/* What a shim must be told to take the region for ours. */
uint64_t session_cookie(const struct session *session);

/* For the target's environment. Valid until session_close. */
const char *session_region(const struct session *session);

/* The job's target has just been started, at `ticks` by session_ticks. */
void session_began(struct session *session, struct job *job, uint64_t ticks);
uint64_t session_ticks(const struct session *session);

/*
 * Until the job has ended; tracing may stop before. A detached job's tracer goes on while followed
 * processes live.
 */
void session_run(struct session *session);

/* Says on standard error where the trace is (with `say`), and what went wrong (in any case). */
void session_report(const struct session *session, bool say);

void session_close(struct session *session);

#endif
