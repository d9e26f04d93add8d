// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory that was not there when traced processes touched it, and time spent making room for it. */
#include "bpf/counts.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/page_fault_user")
int BPF_PROG(page_fault, unsigned long address)
{
	struct rk_counts *counts = counts_of_current();

	if (counts)
		counts->of[RK_COUNT_FAULT].calls++;
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(reclaim, int order)
{
	struct rk_counts *counts = counts_of_current();

	if (counts)
		counts->of[RK_COUNT_RECLAIM].calls++;
	return 0;
}
