/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for thunks. It is written once, then made executable, and never written again; a batch of
 * functions takes pages of its own.
 */
#ifndef PRELOAD_PATCH_THUNK_H
#define PRELOAD_PATCH_THUNK_H

#include "preload/emit.h"
#include "preload/patch/trampoline.h"

struct thunk_area {
	__u8 *start;
	size_t size, used;
};

/* How calls are recorded: from rt_patch. */
struct thunk_plan {
	unsigned kind, stack_size;
	bool entries_only;
	__u64 capture;
};

/* Pages for `size` bytes. With low and high: so near that 32-bit distances reach from there to all
 * of them. 0, -ENOMEM, or -ERANGE: no memory free that near. */
COLD int thunk_area_open(struct thunk_area *area, size_t size, uintptr_t low, uintptr_t high);

/* The next thunk; `code` bytes follow it. NULL: no more room. */
COLD struct thunk *thunk_add(struct thunk_area *area, const struct thunk_plan *plan, size_t code);

/* One that jumps straight to a hook of ours, which finds the original by itself. */
COLD struct thunk *thunk_add_hook(struct thunk_area *area, const void *hook, size_t code);

/* Makes it executable; false: refused by the kernel, and given back. */
COLD bool thunk_area_seal(struct thunk_area *area);

#endif
