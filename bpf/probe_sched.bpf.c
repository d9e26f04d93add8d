// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * When threads of traced processes leave a processor and get one again, and when they became ready
 * in between, by whose doing. A switch is never interrupted by anything of ours on its processor,
 * so its edges go where those of system calls go; a wake-up may come in the middle of either and
 * only leaves its time with the thread.
 */
#include "bpf/core.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct task_struct___state {
	unsigned int __state;
} KERNEL_TYPE;

/* before 5.14 */
struct task_struct___old {
	long state;
} KERNEL_TYPE;

struct ready {
	__u64 ns;
	__u32 waker; /* thread; 0: none, an interrupt on an idle processor */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct ready);
} wakings SEC(".maps");

static __always_inline __u32 state_of(struct task_struct *task)
{
	struct task_struct___state *now = (void *)task;
	struct task_struct___old *old = (void *)task;

	if (bpf_core_field_exists(now->__state))
		return BPF_CORE_READ(now, __state);
	return (__u32)BPF_CORE_READ(old, state);
}

static __always_inline void put(struct task_struct *task, __u8 type, __u32 low, __u64 value)
{
	struct rk_ring *ring;
	struct rk_edge *edge = edge_next(&ring, task->pid);

	if (!edge)
		return;
	edge->ns = bpf_ktime_get_ns();
	edge->tid = task->pid;
	edge->pid = task->tgid;
	edge->number = 0;
	edge->type = type;
	edge->low = low;
	edge->value = value;
	edge_done(ring);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, _Bool preempted, struct task_struct *prev, struct task_struct *next)
{
	__u32 tid = next->pid;
	struct ready *ready;

	if (traced(prev->tgid))
		put(prev, RK_OFF, preempted ? 0 : state_of(prev), 0);
	if (traced(next->tgid)) {
		ready = bpf_map_lookup_elem(&wakings, &tid);
		put(next, RK_ON, ready ? ready->waker : 0, ready ? ready->ns : 0);
	}
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(sched_wakeup, struct task_struct *task)
{
	__u32 tid = task->pid;
	struct ready ready = {};

	if (!traced(task->tgid))
		return 0;
	ready.ns = bpf_ktime_get_ns();
	ready.waker = (__u32)bpf_get_current_pid_tgid();
	bpf_map_update_elem(&wakings, &tid, &ready, BPF_ANY);
	return 0;
}
