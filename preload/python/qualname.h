/* SPDX-License-Identifier: Apache-2.0 */
/* A function's qualified name, for versions whose code objects do not have it (before 3.11). */
#ifndef PRELOAD_PYTHON_QUALNAME_H
#define PRELOAD_PYTHON_QUALNAME_H

#include "preload/python/code.h"

/*
 * Looks for the function where functions live: in its module, and in the classes of its first
 * argument. NULL where it is in neither. The text lives as long as `holder`: give that back.
 */
COLD const char *py_qualname(const struct py_seen *seen, py_object *name, py_object **holder);

#endif
