/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may do. */
#ifndef LOADER_TARGET_RIGHTS_H
#define LOADER_TARGET_RIGHTS_H

#include <stdbool.h>

#define CAPABILITY_CHOWN 0
#define CAPABILITY_DAC_OVERRIDE 1
#define CAPABILITY_DAC_READ_SEARCH 2
#define CAPABILITY_FOWNER 3
#define CAPABILITY_KILL 5
#define CAPABILITY_SYS_PTRACE 19
#define CAPABILITY_SYS_ADMIN 21
#define CAPABILITY_SYSLOG 34 /* addresses of the kernel's functions */
#define CAPABILITY_PERFMON 38
#define CAPABILITY_BPF 39

bool has_capability(unsigned number);

/* From here on this process can do no more than its files, other processes and the kernel's
 * programs need; `admin`: that is all, where probes of functions need it. */
void rights_reduce(bool admin);

/* What is missing to load programs into the kernel, and how to get it; NULL: nothing. */
const char *rights_bpf_obstacle(void);

#endif
