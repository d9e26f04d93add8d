/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots by which objects call each other's functions: a slot that leads to a hooked function is
 * made to lead to a thunk, whose original is what stood in that slot.
 */
#ifndef PRELOAD_PATCH_GOT_H
#define PRELOAD_PATCH_GOT_H

#include "preload/patch/loaded.h"
#include "preload/patch/question.h"

/* Remembers a function for this walk and all later ones. Its outcome. */
COLD __u32 got_add(const struct wanted *wanted, const struct loaded *object);

/* Changes the slots of all objects. */
COLD void got_walk(void);

/* Ours, and the dynamic linker, which calls in the middle of its work. */
COLD bool got_is_left_alone(const struct loaded *object);

/* Its slots that are read-only may be written to, or may no more. */
COLD bool got_open(const struct loaded *object, bool open);

#endif
