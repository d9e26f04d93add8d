/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter as the shim knows it: by names that are looked up at run time, and by the few
 * offsets of offsets.def. There are no Python headers, so that one shim serves every version.
 */
#ifndef PRELOAD_PYTHON_API_H
#define PRELOAD_PYTHON_API_H

#include "preload/emit.h"

#include <sys/types.h>

typedef struct py_object {
	ssize_t references;
	struct py_object *type;
} py_object;

struct py_api {
#define PY(result, name, parameters) result(*name) parameters;
#include "preload/python/api.def"
#undef PY
};

/* NULL where this interpreter does not have it. */
extern HIDDEN struct py_api py;

/* False where there is no interpreter in this process. */
COLD bool py_api_find(void);

/* Data of the interpreter by name, or NULL. */
COLD void *py_data(const char *name);

typedef int py_init(py_object *self, py_object *arguments, py_object *keywords);

/* What functions in C take: arguments that one does not have are no harm to it. */
typedef py_object *py_any(py_object *self, void *first, void *second, void *third);

/* PyMethodDef */
struct py_definition {
	const char *name;
	void *method;
	int flags;
	const char *doc;
};

#define PY_AT(type, pointer, offset) (*(type *)((char *)(pointer) + (offset)))

/* The exception that is on its way is put aside, so that names may be looked up meanwhile. */
struct py_pending {
	py_object *type, *value, *traceback;
};
COLD void py_pending_keep(struct py_pending *pending);
COLD void py_pending_restore(const struct py_pending *pending);

/* An attribute that is a text; "" where it is none. `holder` keeps it alive: give it back. */
COLD const char *py_text_of(py_object *object, const char *name, py_object **holder);
COLD void py_drop(py_object *object);

/* A loaded module, borrowed, or NULL. */
COLD py_object *py_module(const char *name);

#endif
