/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves nodes that stand beside their cause below it, where time alone tells:
 *
 * - calls on a request's connection, and waits for events while requests are under way, are part of
 *   those requests: they are hidden below them
 * - where such a call stands elsewhere, inside a function that reads the answer, it has the request
 * as its cause, and the path counts its time as the request's
 * - a request that outlives the function that sent it, and has no such calls, belongs to the
 * function around that
 * - what a thread does while it answers one request of others, and no second one, is part of that
 * - what other threads of a process do while its main thread waits for a lock or for a thread to
 *   end is below the wait during which it ends; so is a child process below the wait for it
 *
 * Nothing is moved whose parent the decoder knows, other than the root of its thread.
 */
#ifndef ANALYSIS_PATH_SETTLE_H
#define ANALYSIS_PATH_SETTLE_H

#include "analysis/path/graph.h"

/* Of a linked graph, which is linked anew. 0 or -ENOMEM. */
int settle(struct graph *graph);

#endif
