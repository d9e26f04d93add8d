/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that the target starts: whether the shim may follow into them, and the environment that
 * takes it there. All of it runs under vfork: raw system calls, the caller's stack, no allocation.
 */
#ifndef PRELOAD_CHILD_H
#define PRELOAD_CHILD_H

#include "preload/emit.h"
#include "preload/environment.h"

/* A program file: `path` from folder `dir`, or `dir` itself where path is NULL. */
struct program {
	int dir;
	const char *path;
	bool search; /* look for the path in PATH, where it has no slash */
	bool shell;  /* without a known format it is a script of /bin/sh */
};

/*
 * 0: the shim may follow. A positive number: it may not, and the program starts untouched.
 * -errno: the file cannot be opened; -EFAULT where the path is a wild pointer.
 */
COLD int program_check(const struct program *program);

/* program_check, and whether the child can find us; what is not followed is counted. */
COLD bool child_follows(const struct program *program);

/*
 * The environment for a child: `from`, with our variables where the shim may follow. Lies on the
 * caller's stack.
 */
#define CHILD_ENVIRONMENT(program, from)                                                   \
	({                                                                                 \
		char *const *from_ = (from);                                               \
		size_t size_ = child_follows(program) ? environment_size(from_) : 0;       \
                                                                                           \
		size_ ? environment_make(from_, __builtin_alloca(size_)) : (char **)from_; \
	})

/* For calls that start a shell with `environ`: it is another for that time. */
struct environment_loan {
	char **before;
	char **lent; /* NULL: nothing was changed */
};

#define SHELL "/bin/sh"

COLD void environment_lend(struct environment_loan *loan);
COLD void environment_return(const struct environment_loan *loan);

#endif
