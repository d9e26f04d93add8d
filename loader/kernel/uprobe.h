/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes of functions of one process, through bpf(2) where the kernel has it (6.6 on): all its
 * threads and no other process pays, and CAP_SYS_ADMIN is not needed. libbpf knows it from 1.3 on
 * only.
 */
#ifndef LOADER_KERNEL_UPROBE_H
#define LOADER_KERNEL_UPROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_object;

bool uprobe_has_multi(void);

/* Before the load: its programs for functions are to be attached in that way, where there is one.
 */
void uprobe_prepare(struct bpf_object *object);

/* At all these offsets of a file. The link's descriptor, or -errno. */
int uprobe_multi(int program, const char *path, const uint64_t *offsets, size_t count, int pid);

#endif
