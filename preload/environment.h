/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our variables: taken out of the environment at start, so that the program never sees them, and
 * kept here for the exec wrappers.
 */
#ifndef PRELOAD_ENVIRONMENT_H
#define PRELOAD_ENVIRONMENT_H

#include "preload/emit.h"

#include <limits.h>

/* Set where a traced program started this one: the runtime's span that did, in hex, or 0. */
#define RT_ENV_EXEC "RAGTIME_EXEC"

/* What is made for a child is no larger: it may lie on a small stack. */
#define ENVIRONMENT_MAX 16384

struct environment {
	char region[PATH_MAX]; /* the value of RT_ENV_REGION: empty where we were not asked for */
	char region_path[PATH_MAX];
	__u64 cookie;
	char shim[PATH_MAX]; /* our entry of LD_PRELOAD */
	bool from_exec;
	__u64 maker; /* the span by which it was started; 0: unknown */
};

extern HIDDEN struct environment environment;

/* Fills `environment` and removes RAGTIME_* and our entry of LD_PRELOAD from environ. */
COLD void environment_take(void);

/*
 * For a child: `from` with our variables added. What the child's own tracer put there stands. Size
 * in bytes beside `from`'s strings; 0 where nothing is to be added, or it is too large for a stack.
 */
COLD size_t environment_size(char *const *from);
COLD char **environment_make(char *const *from, void *memory);

/* Path of the running program, as a tail. */
COLD const struct rt_bytes *environment_program(void);

#endif
