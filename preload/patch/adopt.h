/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shim that comes late: the objects that are loaded already call past it. Their slots are made to
 * lead to its hooks, and back to where they led before when it leaves.
 */
#ifndef PRELOAD_PATCH_ADOPT_H
#define PRELOAD_PATCH_ADOPT_H

#include "preload/emit.h"

/* Objects that have been loaded since the last time, too. False where memory is out. */
COLD bool adopt_objects(void);
COLD void adopt_return(void);

/* After each dlopen: nothing where the shim was there from the start. */
COLD void adopt_loaded(void);

#endif
