/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory this process and what it starts may use. */
#ifndef LOADER_TARGET_LIMITS_H
#define LOADER_TARGET_LIMITS_H

#include <stdint.h>

/* The least of the cgroup's limits (v1 and v2, all levels), RLIMIT_AS and the machine's memory. */
uint64_t limits_memory(void);

/* The same for the cgroup folder `path` and those above it, below `root`; for tests. */
uint64_t limits_of_cgroup(const char *root, const char *path, const char *file);

#endif
