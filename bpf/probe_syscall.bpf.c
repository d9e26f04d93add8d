// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * System calls of traced processes: an edge where one begins, an edge where it ends, and what only
 * its arguments say: paths, addresses, payload. Every system call of the whole host passes here, so
 * what is not traced leaves after one look.
 */
#include "bpf/payload.bpf.h"

#define PATH_ROOM RK_ROOM_SMALL
#define ADDRESS_ROOM 128
#define SOCKET_STREAM 1
#define PROTOCOL_TCP 6
/* MSG_PEEK, MSG_TRUNC: the bytes stay, or are not there. */
#define NOT_TAKEN (0x2 | 0x20)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void fill_picked(struct rk_edge *edge, struct pt_regs *regs, __u8 pick)
{
	__u32 first;

	switch (pick) {
	case RK_PICK_10:
		edge->low = (__u32)regs->si;
		edge->value = regs->di;
		break;
	case RK_PICK_02:
		edge->low = (__u32)regs->di;
		edge->value = regs->dx;
		break;
	case RK_PICK_41:
		edge->low = (__u32)regs->r8;
		edge->value = regs->si;
		break;
	case RK_PICK_POLL:
		edge->low = (__u32)regs->si;
		if (bpf_probe_read_user(&first, sizeof(first), (const void *)regs->di))
			first = (__u32)-1;
		edge->value = first;
		break;
	default:
		edge->low = (__u32)regs->di;
		edge->value = regs->si;
	}
}

struct socket {
	struct sock *sk;
} KERNEL_TYPE;

struct sock {
	__u16 sk_protocol;
	__u16 sk_type;
} KERNEL_TYPE;

struct tcp_sock {
	__u32 srtt_us; /* in eighths */
	__u32 total_retrans;
} KERNEL_TYPE;

/* What a connection has been through, as long as it is there to be asked. */
static __always_inline void send_tcp(__u64 ns, __u32 fd)
{
	struct file *file = descriptor_file(fd);
	struct socket *socket;
	struct tcp_sock *sock;
	struct rk_note *note;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return;
	socket = BPF_CORE_READ(file, private_data);
	sock = (struct tcp_sock *)BPF_CORE_READ(socket, sk);
	if (!sock || BPF_CORE_READ((struct sock *)sock, sk_type) != SOCKET_STREAM ||
		BPF_CORE_READ((struct sock *)sock, sk_protocol) != PROTOCOL_TCP)
		return;
	note = note_new(0, RK_TCP, ns);
	if (!note)
		return;
	note->a = BPF_CORE_READ(sock, total_retrans);
	note->b = BPF_CORE_READ(sock, srtt_us) >> 3;
	note_send(note);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_enter, struct pt_regs *regs, long number)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct rk_syscall *how;
	struct rk_settings *set;
	struct rk_ring *ring;
	struct rk_edge *edge;

	if (!traced(id >> 32))
		return 0;
	edge = edge_next(&ring, (__u32)id);
	set = settings_get();
	if (!edge || !set)
		return 0;
	how = &set->syscalls[number & (RK_SYSCALLS - 1)];
	edge->ns = bpf_ktime_get_ns();
	edge->tid = (__u32)id;
	edge->pid = id >> 32;
	edge->number = (__u16)number;
	edge->type = RK_ENTER;
	fill_picked(edge, regs, how->pick);
	if (how->extra == RK_EXTRA_CLOSED)
		send_tcp(edge->ns, (__u32)regs->di);
	edge_done(ring);
	return 0;
}

static __always_inline void send_path(__u64 ns, unsigned long path)
{
	struct rk_note *note = note_new(PATH_ROOM, RK_PATH, ns);
	long size;

	if (!note)
		return;
	size = bpf_probe_read_user_str(note->bytes, PATH_ROOM, (const void *)path);
	if (size == PATH_ROOM) {
		/* longer than most */
		bpf_ringbuf_discard(note, BPF_RB_NO_WAKEUP);
		note = note_new(RK_ROOM_MEDIUM, RK_PATH, ns);
		if (!note)
			return;
		size = bpf_probe_read_user_str(note->bytes, RK_ROOM_MEDIUM, (const void *)path);
	}
	note->size = size > 0 ? (__u32)size - 1 : 0;
	note_send(note);
}

static __always_inline void send_address(__u64 ns, unsigned long address, __u64 size)
{
	struct rk_note *note;

	if (!address || !size)
		return;
	note = note_new(ADDRESS_ROOM, RK_ADDRESS, ns);
	if (!note)
		return;
	barrier_var(size);
	if (size > ADDRESS_ROOM)
		size = ADDRESS_ROOM;
	if (!bpf_probe_read_user(note->bytes, (__u32)size, (const void *)address))
		note->size = (__u32)size;
	note_send(note);
}

static __always_inline void send_ends(__u64 ns, unsigned long from)
{
	struct rk_note *note = note_new(0, RK_ENDS, ns);
	__u32 ends[2] = {0};

	if (!note)
		return;
	bpf_probe_read_user(ends, sizeof(ends), (const void *)from);
	note->a = ends[0];
	note->b = ends[1];
	note_send(note);
}

/* Nothing of ours comes in between on this processor. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct moved);
} scratch SEC(".maps");

struct message {
	__u64 name;
	__u32 name_size, pad;
	__u64 parts, count;
};

static __always_inline void send_payload(
	struct pt_regs *regs, __u8 extra, __u64 ns, long result, const struct rk_settings *set)
{
	__u64 from = regs->si, count = 0;
	struct message message;
	struct moved *moved;
	__u32 zero = 0;
	__u64 inode;

	if (result <= 0 || !set->payload || (extra == RK_EXTRA_RECEIVED && regs->r10 & NOT_TAKEN) ||
		(extra == RK_EXTRA_IN_MESSAGE && regs->dx & NOT_TAKEN))
		return;
	inode = socket_inode((__u32)regs->di);
	moved = bpf_map_lookup_elem(&scratch, &zero);
	if (!moved || !inode || is_muted(inode))
		return;
	moved->ns = ns;
	moved->a = (__u32)regs->di;
	moved->inode = inode;
	moved->total = (__u32)result;
	moved->flags = 0;
	if (rk_reads(extra))
		moved->flags = RK_DATA_IN;
	if (extra == RK_EXTRA_OUT_PARTS || extra == RK_EXTRA_IN_PARTS)
		count = regs->dx;
	if (extra == RK_EXTRA_OUT_MESSAGE || extra == RK_EXTRA_IN_MESSAGE) {
		if (bpf_probe_read_user(&message, sizeof(message), (const void *)regs->si))
			return;
		from = message.parts;
		count = message.count;
	}
	copy_all(moved, from, count);
}

static __always_inline void send_extra(
	struct pt_regs *regs, __u8 extra, __u64 ns, long result, const struct rk_settings *set)
{
	__u32 size = 0;

	switch (extra) {
	case RK_EXTRA_PATH0:
		send_path(ns, regs->di);
		break;
	case RK_EXTRA_PATH1:
		send_path(ns, regs->si);
		break;
	case RK_EXTRA_ADDRESS:
		send_address(ns, regs->si, (__u32)regs->dx);
		break;
	case RK_EXTRA_ADDRESS_OUT:
		if (result >= 0 && regs->dx)
			bpf_probe_read_user(&size, sizeof(size), (const void *)regs->dx);
		send_address(ns, regs->si, size);
		break;
	case RK_EXTRA_ENDS0:
		send_ends(ns, regs->di);
		break;
	case RK_EXTRA_ENDS3:
		send_ends(ns, regs->r10);
		break;
	case RK_EXTRA_CLOSED: /* told when it began */
		break;
	default:
		send_payload(regs, extra, ns, result, set);
	}
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_exit, struct pt_regs *regs, long result)
{
	__u64 id = bpf_get_current_pid_tgid(), ns;
	struct rk_settings *set;
	struct rk_ring *ring;
	struct rk_edge *edge;
	__u64 number;
	__u8 extra;

	if (!traced(id >> 32))
		return 0;
	set = settings_get();
	if (!set)
		return 0;
	number = regs->orig_ax;
	ns = bpf_ktime_get_ns();
	extra = set->syscalls[number & (RK_SYSCALLS - 1)].extra;
	if (extra && number < RK_SYSCALLS)
		send_extra(regs, extra, ns, result, set);
	/* after the notes: the loader finds them when it finds the edge */
	edge = edge_next(&ring, (__u32)id);
	if (!edge)
		return 0;
	edge->ns = ns;
	edge->tid = (__u32)id;
	edge->pid = id >> 32;
	edge->number = (__u16)number;
	edge->type = RK_EXIT;
	edge->low = 0;
	edge->value = (__u64)result;
	edge_done(ring);
	return 0;
}
