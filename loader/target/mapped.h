/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a process has mapped, and the shim among them. */
#ifndef LOADER_TARGET_MAPPED_H
#define LOADER_TARGET_MAPPED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MAPPED_SHIM "libragtime.so"

/* Each of them once, from where its first byte lies, until `take` says false. */
typedef bool mapped_fn(void *context, const char *path, uint64_t base);
void mapped_each(pid_t pid, mapped_fn *take, void *context);

/*
 * A function of the shim that is there already, whose file is ours at `shim`: its address, 0 where
 * there is none. 0, or -errno after a message where it is another's.
 */
int mapped_shim(pid_t pid, const char *shim, const char *function, uint64_t *address);

#endif
