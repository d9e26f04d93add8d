/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What all programs share: the kernel's types as far as they are used (found by name at load, so
 * one build fits all kernels), the maps, the filter, the ways out. The loader gives all objects the
 * same maps.
 */
#ifndef BPF_CORE_BPF_H
#define BPF_CORE_BPF_H

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wire/kernel.h"

#define KERNEL_TYPE __attribute__((preserve_access_index))

struct pt_regs {
	unsigned long r14, bx, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
} KERNEL_TYPE;

struct atomic {
	int counter;
} KERNEL_TYPE;

struct signal_struct {
	struct atomic live;
} KERNEL_TYPE;

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
} KERNEL_TYPE;

struct file {
	struct inode *f_inode;
	void *private_data;
} KERNEL_TYPE;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} KERNEL_TYPE;

struct files_struct {
	struct fdtable *fdt;
} KERNEL_TYPE;

struct task_struct {
	int pid;
	int tgid;
	int exit_code;
	struct files_struct *files;
	struct signal_struct *signal;
} KERNEL_TYPE;

/* One byte a pid, by its number in the first PID namespace. */
struct rk_pids {
	__u8 traced[RK_PIDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rk_pids);
} pids SEC(".maps");

/* One a processor; the loader sets how many. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rk_ring);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} notes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rk_settings);
} settings SEC(".maps");

/* By thread: what found no room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

static __always_inline __u32 traced(__u32 pid)
{
	__u32 zero = 0;
	struct rk_pids *table = bpf_map_lookup_elem(&pids, &zero);

	return table ? table->traced[pid & (RK_PIDS - 1)] : 0;
}

static __always_inline struct rk_settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

static __noinline void count_drop(__u32 tid)
{
	__u32 processor = bpf_get_smp_processor_id();
	struct rk_ring *ring = bpf_map_lookup_elem(&rings, &processor);
	__u64 one = 1, *count = bpf_map_lookup_elem(&drops, &tid);

	if (ring)
		__sync_fetch_and_add(&ring->lost, 1);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&drops, &tid, &one, BPF_ANY);
}

/*
 * The place of the next edge, or NULL. Only where nothing of ours can come in between on this
 * processor: edge_done publishes it.
 */
static __always_inline struct rk_edge *edge_next(struct rk_ring **out, __u32 tid)
{
	__u32 processor = bpf_get_smp_processor_id();
	struct rk_ring *ring = bpf_map_lookup_elem(&rings, &processor);

	if (!ring)
		return NULL;
	if (ring->head - *(volatile __u64 *)&ring->tail >= RK_EDGES) {
		count_drop(tid);
		return NULL;
	}
	*out = ring;
	return &ring->edges[ring->head & (RK_EDGES - 1)];
}

static __always_inline void edge_done(struct rk_ring *ring)
{
	barrier();
	*(volatile __u64 *)&ring->head = ring->head + 1;
}

/* A note without bytes, or with as many as `room`; its head is filled but for what is its own. */
static __always_inline struct rk_note *note_new(__u64 room, __u16 type, __u64 ns)
{
	struct rk_note *note = bpf_ringbuf_reserve(&notes, sizeof(*note) + room, 0);
	__u64 id = bpf_get_current_pid_tgid();

	if (!note) {
		count_drop((__u32)id);
		return NULL;
	}
	note->ns = ns;
	note->tid = (__u32)id;
	note->pid = id >> 32;
	note->type = type;
	note->number = 0;
	barrier(); /* else all zeros below are stored two bytes at a time, as this one is */
	note->flags = 0;
	note->low = 0;
	note->size = 0;
	note->a = note->b = note->c = 0;
	return note;
}

/* Nobody is woken: the loader comes by itself. */
static __always_inline void note_send(struct rk_note *note)
{
	bpf_ringbuf_submit(note, BPF_RB_NO_WAKEUP);
}

#endif
