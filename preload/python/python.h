/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of Python, for the rest of the shim: it says when processes begin and fork and when
 * threads end. All of it is nothing in a process without an interpreter.
 */
#ifndef PRELOAD_PYTHON_PYTHON_H
#define PRELOAD_PYTHON_PYTHON_H

#include "preload/emit.h"

/* By the constructor, once the region stands. */
COLD void python_open(void);

/*
 * Likewise in a process that runs already, and out again. They wait for a while, since the
 * interpreter's lock is needed; what takes longer is done when that is free. Not out yet: nothing
 * new may begin.
 */
COLD void python_enter(void);
COLD bool python_leave(void);

/* Before a fork, and in the child after it. */
COLD void python_forks(void);
COLD void python_forked(void);

/* The calling thread ends; the process does. */
COLD void python_thread_ends(void);
COLD void python_ends(void);

/* The number of the function's span that this thread runs now; 0: none, or no interpreter. */
COLD __u64 python_span(void);

/* Likewise without its lock, whatever the Context: for what the thread does itself, such as exec.
 */
COLD __u64 python_innermost(void);

/* The hooks are in. */
extern HIDDEN bool py_on;

/* The interpreter's own memory, where the condition lies by which its lock is waited for. */
extern HIDDEN uintptr_t python_data, python_data_size;

ALWAYS_INLINE bool python_is_lock(const void *address)
{
	return (uintptr_t)address - python_data < python_data_size;
}

#endif
