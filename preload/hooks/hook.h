/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The originals. real_NAME is callable at any time: until it is resolved it points to a stub that
 * does so and goes on, so that no hook needs to look. A function that this libc lacks fails with
 * ENOSYS.
 */
#ifndef PRELOAD_HOOKS_HOOK_H
#define PRELOAD_HOOKS_HOOK_H

#include "preload/emit.h"

#include <unistd.h>

#define HOOKS(file)
#define HOOK(name)                                                           \
	extern __typeof__(name) name __attribute__((visibility("default"))); \
	extern HIDDEN __typeof__(name) *real_##name;
#include "hooks.def"
#undef HOOK
#undef HOOKS

/* False where the shim cannot work in this process. */
COLD bool originals_resolve(void);

#endif
