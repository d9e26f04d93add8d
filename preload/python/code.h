/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done about a function of the program: decided at its first call, by the tracer's rules
 * (rules.h), and kept in its code object's own extra slot.
 */
#ifndef PRELOAD_PYTHON_CODE_H
#define PRELOAD_PYTHON_CODE_H

#include "preload/python/extra.h"
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
	py_object *object;    /* whose it is, borrowed; NULL: of an import */
	__u32 session;	      /* py_session when it was decided */
	__u32 round;	      /* of py_code_each that visited it last */
};

/*
 * Stands for all that is of no interest; nothing is there to be read. Another one in each session,
 * since other rules may hold then.
 */
extern HIDDEN struct py_code *py_ignored;

/* Counts the times that the hooks were put in and taken out: what is of another session is over. */
extern HIDDEN __u32 py_session;

/* A session begins: takes a place in code objects; false where the interpreter has none. */
COLD bool py_code_open(int minor);

/* Of all functions of interest. */
COLD void py_code_each(void (*visit)(py_object *code));

/* It ends: what has been decided holds no more. `each` sees every code object of interest. */
COLD void py_code_close(void (*each)(py_object *code));

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

/* Calls in a second, about, after which a function is counted instead. */
#define PY_CALLS_A_SECOND 10000

ALWAYS_INLINE bool py_code_is_ignored(const struct py_code *code)
{
	return (uintptr_t)code & 1;
}

/* NULL: not seen in this session. */
ALWAYS_INLINE struct py_code *py_code_of(py_object *object)
{
	struct py_code *code = py_extra_of(object);

	if (likely(code == py_ignored))
		return code;
	return code && !py_code_is_ignored(code) && likely(code->session == py_session) ? code
											: NULL;
}

#endif
