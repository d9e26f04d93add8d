/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pointers to functions in the interpreter's own tables, which lead to ours while its functions are
 * seen. With the interpreter's lock held.
 */
#ifndef PRELOAD_PYTHON_REDIRECT_H
#define PRELOAD_PYTHON_REDIRECT_H

#include "preload/python/offsets.h"

/* `word` leads to the hook; `real` is what it led to. */
COLD void py_redirect(void **word, void *hook, void **real);

/* Likewise a method of a type, or a function of a module; nothing where it has none. */
COLD void py_redirect_method(py_object *type, const char *name, py_any *hook, py_any **real);
COLD bool py_redirect_function(
	py_object *module, const char *name, int flags, void *hook, void **real);

/*
 * All lead to what they led to. What another tool has hooked since leads through ours for ever;
 * types that were derived meanwhile have copied it. So hooks go on to the original at any time.
 */
COLD void py_redirects_return(void);

#endif
