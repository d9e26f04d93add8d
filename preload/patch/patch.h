/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions by pattern, for the rest of the shim: it says when libraries have been loaded. What to
 * hook is asked of the tracer (wire/patch.h). All of it is nothing where no pattern was given.
 */
#ifndef PRELOAD_PATCH_PATCH_H
#define PRELOAD_PATCH_PATCH_H

#include "preload/emit.h"

/* By the constructor, once the region stands. */
COLD void functions_open(void);

/* How many threads the process has; many, where that is not told. */
COLD unsigned functions_threads(void);

/* Around each dlopen; what the process was before it. */
struct loading {
	bool wanted;
	unsigned threads; /* of the process */
};
COLD void functions_before(struct loading *loading);
COLD void functions_after(const struct loading *loading, const void *handle);

struct _Unwind_Context;
typedef __u64 unwind_register_fn(struct _Unwind_Context *context, int number);
/* _Unwind_GetGR, or NULL while no library has it. */
extern HIDDEN unwind_register_fn *unwind_register;

#endif
