/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who made a Context: where one is copied (a task is made, a callback is scheduled, a thread is
 * given work), a variable of ours holds the running span's number for as long as the copying takes.
 * So nothing is done where spans begin and end, and callbacks find their maker in their Context.
 */
#ifndef PRELOAD_PYTHON_CONTEXT_H
#define PRELOAD_PYTHON_CONTEXT_H

#include "preload/python/offsets.h"

/* A session begins. False where the interpreter has no context variables. */
COLD bool py_context_open(void);

/* Does the calling thread run the one interpreter that is looked at? */
COLD bool py_context_is_ours(void);

/* It ends. */
COLD void py_context_close(void);

/* The number that the current Context was given, or 0. */
COLD __u64 py_context_span(void);

/*
 * What tells the current Context from others; NULL for the thread's own. Of an interpreter whose
 * layout is not known it is the number that the Context was given.
 */
ALWAYS_INLINE const void *py_context(void)
{
	return likely(py_at.minor) ? py_context_entered(py.PyThreadState_Get())
				   : (const void *)(uintptr_t)py_context_span();
}

/* A module has been loaded: it may bring ways to copy Contexts. */
COLD void py_context_imported(void);

#endif
