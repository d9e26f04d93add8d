/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process beside ragtime that does what is done to a target (inject.h), so that it is finished
 * and taken back whatever becomes of ragtime: ended by SIGKILL while a thread of the target is
 * stopped, that thread would go on in the middle of our call. It outlives ragtime by as long as it
 * takes to have the hooks out.
 */
#ifndef LOADER_TARGET_GUARD_H
#define LOADER_TARGET_GUARD_H

#include <stdint.h>
#include <sys/types.h>

struct guard;

/* As inject_open; to be called while there is one thread. `region`: as inject_take_region. */
struct guard *guard_open(pid_t pid, int *region);

/* As inject_enter and inject_leave. */
int guard_enter(struct guard *guard, const char *shim, uint64_t cookie);
int guard_leave(struct guard *guard);

/* Takes everything back that has not been yet. */
void guard_close(struct guard *guard);

#endif
