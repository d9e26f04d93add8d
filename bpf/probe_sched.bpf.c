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

#define WAKINGS 65536

/* The last wake-up of a thread, in the place of its number's low bits: of two threads that share a
 * place the later one has it, and of the other it is not known when it became ready. */
struct waking {
	__u64 ns;
	__u32 tid;
	__u32 waker; /* thread; 0: none, an interrupt on an idle processor */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WAKINGS);
	__type(key, __u32);
	__type(value, struct waking);
} wakings SEC(".maps");

static __always_inline struct waking *waking_of(__u32 tid)
{
	__u32 place = tid & (WAKINGS - 1);

	return bpf_map_lookup_elem(&wakings, &place);
}

static __always_inline __u32 state_of(struct task_struct *task)
{
	struct task_struct___state *now = (void *)task;
	struct task_struct___old *old = (void *)task;

	if (bpf_core_field_exists(now->__state))
		return now->__state;
	return (__u32)old->state;
}

static __always_inline void put(
	struct task_struct *task, __u8 type, __u64 ns, __u32 low, __u64 value)
{
	struct rk_ring *ring;
	struct rk_edge *edge = edge_next(&ring, task->pid);

	if (!edge)
		return;
	edge->ns = ns;
	edge->tid = task->pid;
	edge->pid = task->tgid;
	edge->number = 0;
	edge->type = type;
	edge->low = low;
	edge->value = value;
	edge_done(ring);
}

static __always_inline void put_on(struct task_struct *next, __u64 ns)
{
	struct waking *waking = waking_of(next->pid);
	int known = waking && waking->tid == (__u32)next->pid;

	put(next, RK_ON, ns, known ? waking->waker : 0, known ? waking->ns : 0);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, _Bool preempted, struct task_struct *prev, struct task_struct *next)
{
	__u32 off = traced(prev->tgid), on = traced(next->tgid);
	__u64 ns;

	if (!(off | on))
		return 0;
	ns = bpf_ktime_get_ns();
	if (off)
		put(prev, RK_OFF, ns, preempted ? 0 : state_of(prev), 0);
	if (on)
		put_on(next, ns);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(sched_wakeup, struct task_struct *task)
{
	struct waking *waking;

	if (!traced(task->tgid))
		return 0;
	waking = waking_of(task->pid);
	if (!waking)
		return 0;
	waking->ns = bpf_ktime_get_ns();
	waking->tid = task->pid;
	waking->waker = (__u32)bpf_get_current_pid_tgid();
	return 0;
}
