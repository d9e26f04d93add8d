/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of one of the interpreter's functions from extension modules: their slots are made to lead
 * to a function of ours. A name of ours in front would not do, because a program that holds the
 * interpreter itself comes first.
 */
#ifndef PRELOAD_PYTHON_LINKAGE_H
#define PRELOAD_PYTHON_LINKAGE_H

#include "preload/emit.h"

/* In all objects, but for the one that has the original itself, if any was loaded since last time.
 */
COLD void linkage_redirect(const char *name, const void *original, const void *hook);

/* What leads to the hook leads to the original again. */
COLD void linkage_return(const char *name, const void *original, const void *hook);

#endif
