/* SPDX-License-Identifier: Apache-2.0 */
/* Jumps at the entries of functions. */
#ifndef PRELOAD_PATCH_INLINE_H
#define PRELOAD_PATCH_INLINE_H

#include "preload/patch/loaded.h"
#include "preload/patch/question.h"

/*
 * Patches those functions of one object that allow it, all of them before any returns. Sets each
 * one's outcome: RT_OUTCOME_INLINE, or why not.
 */
COLD void inline_patch(struct loaded *object, struct wanted *functions, unsigned count);

#endif
