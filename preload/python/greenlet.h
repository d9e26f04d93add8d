/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Greenlets: each has a stack of its own, which goes on where it was left. A switch is noticed when
 * it comes back to who had switched away, and in a new greenlet at its first function: what the
 * thread was in until then is suspended there, and what the greenlet was in goes on.
 */
#ifndef PRELOAD_PYTHON_GREENLET_H
#define PRELOAD_PYTHON_GREENLET_H

#include "preload/python/api.h"

struct py_thread;

/* The running greenlet, a new reference; NULL while there are none in the process. */
extern HIDDEN py_object *(*py_greenlet_current)(void);

/* A module has been loaded: it may be theirs. */
COLD void py_greenlet_imported(void);

/* A session ends: they are followed no more; and begins: none of them is known. */
COLD void py_greenlet_close(void);
COLD void py_greenlet_reset(void);

/* Makes the running greenlet's stack the thread's. */
COLD void py_greenlet_follow(struct py_thread *thread);

#endif
