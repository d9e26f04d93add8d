/* SPDX-License-Identifier: Apache-2.0 */
/* What Node's own part of the shim is to the rest of it. */
#ifndef PRELOAD_NODE_NODE_H
#define PRELOAD_NODE_NODE_H

#include "preload/emit.h"

/*
 * By the constructor, after environment_take: where this program is a Node that will read it,
 * hook.cjs is put into its NODE_OPTIONS.
 */
COLD void node_open(void);

/* Takes a message of hook.cjs; false where it is none. */
COLD bool node_take(void *data, size_t size);

#endif
