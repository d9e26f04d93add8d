/* SPDX-License-Identifier: Apache-2.0 */
/* What the system says a process has used so far. */
#ifndef LOADER_CAPTURE_USAGE_H
#define LOADER_CAPTURE_USAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "loader/stream/pack.h"

/* Fills in all but `process` and `thread`. False where the process is gone. */
bool usage_read(pid_t pid, struct pack_usage *usage);

/* Of one thread: fills in at_ns, cpu_ns, runqueue_ns. False where the kernel does not say. */
bool usage_read_thread(pid_t pid, pid_t tid, struct pack_usage *usage);

/* CPU time of this process itself, its threads included. */
uint64_t usage_own_cpu_ns(void);
uint64_t usage_own_peak_rss(void);

#endif
