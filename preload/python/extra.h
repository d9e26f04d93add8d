/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A word of ours in each code object, through the interpreter's own means; read without them, at
 * the place where the first one that we set was seen to appear.
 */
#ifndef PRELOAD_PYTHON_EXTRA_H
#define PRELOAD_PYTHON_EXTRA_H

#include "preload/python/api.h"

/* _PyCodeObjectExtra */
struct py_extras {
	ssize_t size;
	void *of[];
};

extern HIDDEN ssize_t py_extra_index;
extern HIDDEN int py_extra_place; /* in a code object; 0: not known (yet) */
extern HIDDEN int (*py_extra_get)(py_object *code, ssize_t index, void **extra);

/* False where the interpreter has none. release: a code object dies. */
COLD bool py_extra_open(void (*release)(void *extra));

COLD bool py_extra_set(py_object *code, void *extra);

/* NULL: none was set. */
ALWAYS_INLINE void *py_extra_of(py_object *code)
{
	void *extra = NULL;

	if (likely(py_extra_place)) {
		const struct py_extras *extras = PY_AT(struct py_extras *, code, py_extra_place);

		return extras && extras->size > py_extra_index ? extras->of[py_extra_index] : NULL;
	}
	py_extra_get(code, py_extra_index, &extra);
	return extra;
}

#endif
