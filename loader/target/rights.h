/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may do. */
#ifndef LOADER_TARGET_RIGHTS_H
#define LOADER_TARGET_RIGHTS_H

#include <stdbool.h>

#define CAPABILITY_SYS_PTRACE 19
#define CAPABILITY_SYS_ADMIN 21
#define CAPABILITY_PERFMON 38
#define CAPABILITY_BPF 39

bool has_capability(unsigned number);

/* What is missing to load programs into the kernel, and how to get it; NULL: nothing. */
const char *rights_bpf_obstacle(void);

#endif
