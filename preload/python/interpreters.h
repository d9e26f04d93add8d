/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other interpreters in the process: they have Contexts, tasks and tools of their own. Their
 * functions are not seen, and that is told for each of them.
 */
#ifndef PRELOAD_PYTHON_INTERPRETERS_H
#define PRELOAD_PYTHON_INTERPRETERS_H

#include "preload/python/api.h"

/* A module has been loaded: it may be the one that makes interpreters. */
COLD void py_interpreters_imported(void);
COLD void py_interpreters_close(void);

#endif
