/* SPDX-License-Identifier: Apache-2.0 */
/* Places inside the interpreter's own structures, by version; see offsets.def. */
#ifndef PRELOAD_PYTHON_OFFSETS_H
#define PRELOAD_PYTHON_OFFSETS_H

#include "preload/python/api.h"

struct py_offsets {
	int minor; /* 0: none of them is to be used */
	int frame_code, frame_globals, frame_locals, frame_owner, frame_at;
	int generator_frame, generator_state;
	int thread_context, thread_frame, chain;
};

extern HIDDEN struct py_offsets py_at;

#define PY_CONTEXT_ENTERED 40 /* in a contextvars.Context, in every version that has them */
#define PY_TYPE_INIT 296      /* tp_init in a type */
#define PY_FUNCTION_METHOD 16 /* in a built-in function: its definition */

/* 3.N, or -1 where the text is not of a CPython 3. */
COLD int py_minor(const char *version);

/*
 * Chooses the row of this version and tries it on the running interpreter. False where there is
 * none, or it does not fit: then py_at stays empty.
 */
COLD bool py_offsets_find(int minor);

/* The Context that is entered in a thread of the interpreter; NULL for the thread's own. Where
 * py_at is filled. */
ALWAYS_INLINE const void *py_context_entered(const void *thread)
{
	const char *context = PY_AT(char *, thread, py_at.thread_context);

	return context && PY_AT(int, context, PY_CONTEXT_ENTERED) ? context : NULL;
}

/* The frame that it runs (3.11 on). Likewise. */
ALWAYS_INLINE void *py_frame_of(const void *thread)
{
	char *frame = PY_AT(char *, thread, py_at.thread_frame);

	return py_at.chain >= 0 ? PY_AT(void *, frame, py_at.chain) : frame;
}

/* The first local variable. From 3.14 on its low bits say how it is counted. */
ALWAYS_INLINE py_object *py_first_local(const void *frame)
{
	return (py_object *)(PY_AT(uintptr_t, frame, py_at.frame_locals) & ~(uintptr_t)3);
}

#endif
