/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program sees of its Contexts: their size and what is in them, without our variable. So
 * what counts variables, lists them or carries them over to another Context does as it always did.
 */
#ifndef PRELOAD_PYTHON_CONTEXT_VIEW_H
#define PRELOAD_PYTHON_CONTEXT_VIEW_H

#include "preload/python/api.h"

COLD void py_context_view_open(py_object *variable);

#endif
