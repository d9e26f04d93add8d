/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the target. As a child it inherits what ragtime was given and nothing of ragtime's own:
 * descriptors, signal mask and dispositions, process group, terminal. With --exec it becomes what
 * ragtime was, its PID included, and the tracer is a detached process.
 */
#ifndef LOADER_TARGET_LAUNCH_H
#define LOADER_TARGET_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "loader/target/job.h"

/* Our additions to the target's environment. */
struct launch_environment {
	const char *shim;   /* appended to LD_PRELOAD */
	const char *region; /* RT_ENV_REGION's value */
};

/* Starts argv, whose file is `path`, as the job's child. The pid, or -errno of fork or exec. */
pid_t launch_child(struct job *job, const char *path, char *const argv[],
	const struct launch_environment *additions);

/* Replaces this process. Only returns on failure: -errno. */
int launch_replace(
	const char *path, char *const argv[], const struct launch_environment *additions);

/*
 * --exec: splits off a detached tracer. Returns twice: in the tracer 0, with *gate to be answered;
 * in the process that will become the target its parent's end of the gate, see below. -errno: no
 * tracer.
 */
struct launch_gate {
	pid_t target;
	int in;
	int out;
};
enum launch_side { LAUNCH_TRACER = 0, LAUNCH_TARGET = 1 };
int launch_detach(struct launch_gate *gate);

/* The tracer: "ready, and this is the region", or an error number; then wait for the exec. */
int launch_ready(struct launch_gate *gate, const char *region, int error);
int launch_wait_exec(struct launch_gate *gate);

/* The target-to-be: the region's value; 0 or the tracer's -errno. Then it calls launch_replace, and
 * launch_failed if that returned. */
int launch_wait_ready(struct launch_gate *gate, char *region, size_t size);
void launch_failed(struct launch_gate *gate, int error);

/* Descriptors that ragtime was started with must not be held open by the tracer. */
struct launch_inherited;
struct launch_inherited *launch_note_inherited(void); /* the caller frees */

/*
 * Closes them, but `keep` (-1: none); standard input and output become /dev/null. Standard error
 * stays, but not as a pipe that somebody reads to its end while a detached tracer lives on.
 */
void launch_drop_inherited(const struct launch_inherited *inherited, int keep, bool detached);

#endif
