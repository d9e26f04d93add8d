/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What happens too often to be told one by one: counted, by thread. */
#ifndef BPF_COUNTS_BPF_H
#define BPF_COUNTS_BPF_H

#include "bpf/core.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct rk_counts);
} counts SEC(".maps");

/* Of the thread that runs; NULL where it is not traced, or there are too many. */
static __always_inline struct rk_counts *counts_of_current(void)
{
	static const struct rk_counts none;
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tid = (__u32)id;
	struct rk_counts *found;

	if (!traced(id >> 32))
		return NULL;
	found = bpf_map_lookup_elem(&counts, &tid);
	if (found)
		return found;
	if (bpf_map_update_elem(&counts, &tid, &none, BPF_NOEXIST))
		count_drop(tid);
	return bpf_map_lookup_elem(&counts, &tid);
}

#endif
