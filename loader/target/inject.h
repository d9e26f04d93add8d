/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing the shim into a process that runs (DESIGN 3.1), and taking its hooks out again.
 *
 * One thread that waits where it holds no lock is stopped for as long as it takes to make memory
 * and a thread of its own there; that thread loads the shim and calls it, as any thread might. All
 * else runs on. Everything is limited in time, and the stopped thread goes on where it was,
 * whatever fails.
 */
#ifndef LOADER_TARGET_INJECT_H
#define LOADER_TARGET_INJECT_H

#include <stdint.h>
#include <sys/types.h>

struct inject;

/* Why this process cannot be entered safely; NULL: it can be tried. */
const char *inject_obstacle(pid_t pid);

/*
 * Prepares: finds what is called in the target, makes memory there that both sides can map. On
 * failure NULL after a message on standard error.
 */
struct inject *inject_open(pid_t pid);
void inject_close(struct inject *inject);

/* The memory as a descriptor of ours, which the caller takes over. */
int inject_take_region(struct inject *inject);

/* Loads the shim there and has it enter. 0, or -errno after a message. */
int inject_enter(struct inject *inject, const char *shim, uint64_t cookie);

/* Its hooks go out again; the library stays, inert. 0, or -errno; nothing is said where it has
 * ended. */
int inject_leave(struct inject *inject);

#endif
