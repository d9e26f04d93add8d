/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that are linked into the program itself and for which there are hooks: calls to them go
 * through no slot, so their entries are made jumps, once, in the constructor.
 */
#ifndef PRELOAD_PATCH_LINKED_H
#define PRELOAD_PATCH_LINKED_H

#include "preload/emit.h"

struct linked_hook {
	const char *symbol;
	const void *hook;
	const void **original; /* set when the hook is in place */
};

/* Of hooks/hook_openssl.c; the first one says whether to look for the others. */
#define LINKED_HOOKS 7
extern const struct linked_hook linked_hooks[LINKED_HOOKS] HIDDEN;

COLD void linked_open(void);

#endif
