/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who made a Context: where one is copied (a task is made, a callback is scheduled, a thread is
 * given work), a variable of ours holds the running span's number for as long as the copying takes.
 * So nothing is done where spans begin and end, and callbacks find their maker in their Context.
 */
#ifndef PRELOAD_PYTHON_CONTEXT_H
#define PRELOAD_PYTHON_CONTEXT_H

#include "preload/python/api.h"

/* Once. False where the interpreter has no context variables. */
COLD bool py_context_open(void);

/* The number that the current Context was given, or 0. */
COLD __u64 py_context_span(void);

/* A module has been loaded: it may bring ways to copy Contexts. */
COLD void py_context_imported(void);

#endif
