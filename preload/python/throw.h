/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions thrown into a coroutine, as a task that is cancelled has them, go straight to the
 * innermost one that it waits for. Those around it are not evaluated before what they wait for
 * ends, so neither way of seeing functions hears of them, though all of it runs in them: they are
 * made to go on here.
 */
#ifndef PRELOAD_PYTHON_THROW_H
#define PRELOAD_PYTHON_THROW_H

#include "preload/python/api.h"

/* As a session begins, where the interpreter's layout is known. */
COLD void py_throw_open(void);

#endif
