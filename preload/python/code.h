/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done about a function of the program: decided at its first call, by the tracer's rules
 * (rules.h), and kept in its code object's own extra slot.
 */
#ifndef PRELOAD_PYTHON_CODE_H
#define PRELOAD_PYTHON_CODE_H

#include "preload/python/offsets.h"

enum py_act {
	PY_ACT_SPAN,
	PY_ACT_HAND, /* makes work for another thread: its first argument remembers the span */
	PY_ACT_TAKE, /* does such work: that span is the parent of what it calls */
};

struct py_code {
	__u16 kind;	      /* of its segments */
	__u8 act;	      /* enum py_act */
	__u8 role;	      /* enum rt_role */
	__u32 calls;	      /* since `window` */
	__u64 window;	      /* ticks */
	__u64 counted;	      /* calls that were not recorded, and not told of yet */
	struct py_code *next; /* of all, or of those that are free */
};

/* Stands for all that is of no interest. */
extern HIDDEN struct py_code py_ignored;

/* Takes a place in code objects; false where the interpreter has none. */
COLD bool py_code_open(int minor);

/* The function of a frame that is about to run, or runs. */
struct py_seen {
	py_object *code;
	py_object *globals;
	const py_object *first_local; /* where there is an argument */
};

/* At a function's first call. Never NULL. */
COLD struct py_code *py_code_decide(struct py_seen *seen);

/* What an import loads: a function of its own by the module's name. */
COLD struct py_code *py_code_import(const struct py_code *importer, const py_object *name);

/* It was called: is it to be recorded, or only counted, being called too often? */
COLD bool py_code_is_hot(struct py_code *code, __u64 now);

/* Tells how often functions were only counted. */
COLD void py_code_tell_counts(void);

extern HIDDEN ssize_t py_code_extra;
extern HIDDEN int (*py_code_get)(py_object *code, ssize_t index, void **extra);

/* Calls in a second, about, after which a function is counted instead. */
#define PY_CALLS_A_SECOND 10000

/* NULL: never seen. */
ALWAYS_INLINE struct py_code *py_code_of(py_object *code)
{
	void *extra = NULL;

	py_code_get(code, py_code_extra, &extra);
	return extra;
}

#endif
