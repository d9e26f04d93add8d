// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Functions of TLS libraries: a note where one begins, a note at each of its return instructions,
 * and the plain text that it moved. Of Go the return alone is told: a goroutine may have come to it
 * in another thread. By return instructions, not by taking the return address: a
 * program that throws through a call, or moves its stacks, is not harmed.
 */
#include "bpf/payload.bpf.h"
#include "wire/event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* A call that a thread is in; of two nested ones the inner one does the work. */
struct entered {
	__u64 session, data, done;
	struct moved moved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct entered);
} calls SEC(".maps");

static __always_inline void send_call(__u16 event, __u64 session, __u64 ns)
{
	struct rk_note *note = note_new(0, RK_CALL, ns);

	if (!note)
		return;
	note->number = event;
	note->a = session;
	note_send(note);
}

static __always_inline int enter(struct pt_regs *regs, __u16 event)
{
	__u64 id = bpf_get_current_pid_tgid(), session = regs->di;
	struct entered entered;

	if (!traced(id >> 32))
		return 0;
	__builtin_memset(&entered, 0, sizeof(entered));
	entered.session = session;
	entered.data = regs->si;
	entered.done = regs->cx;
	bpf_map_update_elem(&calls, &id, &entered, BPF_ANY);
	send_call(event, session, bpf_ktime_get_ns());
	return 0;
}

static __always_inline void send_return(__u16 event, __u64 session, __s64 result, __u64 ns)
{
	struct rk_note *note = note_new(0, RK_RETURN, ns);

	if (!note)
		return;
	note->number = event;
	note->a = session;
	note->b = (__u64)result;
	note_send(note);
}

static __always_inline void send_moved(struct entered *entered, __u64 ns, __s64 result, __u32 flags)
{
	entered->moved.ns = ns;
	entered->moved.a = entered->session;
	entered->moved.inode = 0;
	entered->moved.total = (__u32)result;
	entered->moved.flags = flags | RK_DATA_TLS;
	copy_all(&entered->moved, entered->data, 0);
}

/* ends_apart: the function says whether it went well, and how much elsewhere. */
static __always_inline int leave(struct pt_regs *regs, __u16 event, __u32 flags, int ends_apart)
{
	__u64 id = bpf_get_current_pid_tgid(), ns = bpf_ktime_get_ns(), done = 0;
	struct entered *entered = bpf_map_lookup_elem(&calls, &id);
	__s64 result = (int)regs->ax;

	if (!entered)
		return 0;
	if (ends_apart && result > 0) {
		if (bpf_probe_read_user(&done, sizeof(done), (const void *)entered->done))
			done = 0;
		result = (__s64)done;
	}
	if (result > 0 && flags != RK_DATA_UNREAD)
		send_moved(entered, ns, result, flags);
	send_return(event, entered->session, result, ns);
	bpf_map_delete_elem(&calls, &id);
	return 0;
}

#define MOVES(name, event, flags, ends_apart)                         \
	SEC("uprobe")                                                 \
	int name(struct pt_regs *regs)                                \
	{                                                             \
		return enter(regs, RT_EV_##event);                    \
	}                                                             \
	SEC("uprobe")                                                 \
	int name##_end(struct pt_regs *regs)                          \
	{                                                             \
		return leave(regs, RT_EV_##event, flags, ends_apart); \
	}

MOVES(ssl_read, SSL_read, RK_DATA_IN, 0)
MOVES(ssl_write, SSL_write, 0, 0)
MOVES(ssl_read_ex, SSL_read, RK_DATA_IN, 1)
MOVES(ssl_write_ex, SSL_write, 0, 1)
MOVES(ssl_do_handshake, SSL_do_handshake, RK_DATA_UNREAD, 0)
MOVES(gnutls_recv, gnutls_record_recv, RK_DATA_IN, 0)
MOVES(gnutls_send, gnutls_record_send, 0, 0)
MOVES(gnutls_handshake, gnutls_handshake, RK_DATA_UNREAD, 0)

static __always_inline int freed(struct pt_regs *regs, __u16 event)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct rk_note *note;

	if (!traced(id >> 32))
		return 0;
	note = note_new(0, RK_FREED, bpf_ktime_get_ns());
	if (!note)
		return 0;
	note->number = event;
	note->a = regs->di;
	note_send(note);
	return 0;
}

SEC("uprobe")
int ssl_free(struct pt_regs *regs)
{
	return freed(regs, RT_EV_SSL_free);
}

SEC("uprobe")
int gnutls_deinit(struct pt_regs *regs)
{
	return freed(regs, RT_EV_gnutls_deinit);
}

/* ---- Go: arguments in rax, rbx, rcx; the goroutine in r14 ---- */

static __always_inline __u64 go_key(struct pt_regs *regs)
{
	return regs->r14 ^ bpf_get_current_pid_tgid() >> 32 << 48;
}

static __always_inline int go_enter(struct pt_regs *regs)
{
	__u64 key = go_key(regs);
	struct entered entered;

	if (!traced(bpf_get_current_pid_tgid() >> 32))
		return 0;
	__builtin_memset(&entered, 0, sizeof(entered));
	entered.session = regs->ax;
	entered.data = regs->bx;
	bpf_map_update_elem(&calls, &key, &entered, BPF_ANY);
	return 0;
}

/*
 * The descriptor under a *tls.Conn: it begins with an interface, whose second word leads to a
 * *net.TCPConn, that begins with a *netFD, that begins with a lock of 16 bytes and the descriptor.
 * Where another kind of connection is inside, what is found is no socket.
 */
static __always_inline int go_descriptor(__u64 session, __u64 *inode)
{
	__u64 connection = 0, descriptor = 0;
	int fd = -1;

	if (bpf_probe_read_user(&connection, sizeof(connection), (const void *)(session + 8)) ||
		bpf_probe_read_user(&descriptor, sizeof(descriptor), (const void *)connection) ||
		bpf_probe_read_user(&fd, sizeof(fd), (const void *)(descriptor + 16)) || fd < 0)
		return -1;
	*inode = socket_inode((__u32)fd);
	return *inode ? fd : -1;
}

static __always_inline int go_leave(struct pt_regs *regs, __u16 event, __u32 flags)
{
	__u64 key = go_key(regs), ns = bpf_ktime_get_ns(), inode = 0;
	struct entered *entered = bpf_map_lookup_elem(&calls, &key);
	__s64 result = (__s64)regs->ax;
	struct rk_note *note;

	if (!entered)
		return 0;
	if (result > 0)
		send_moved(entered, ns, result, flags);
	note = note_new(0, RK_RETURN, ns);
	if (note) {
		note->number = event;
		note->flags = RK_RETURN_APART;
		note->low = (__u32)go_descriptor(entered->session, &inode) + 1;
		note->a = entered->session;
		note->b = (__u64)result;
		note->c = inode;
		note_send(note);
	}
	bpf_map_delete_elem(&calls, &key);
	return 0;
}

SEC("uprobe")
int go_read(struct pt_regs *regs)
{
	return go_enter(regs);
}

SEC("uprobe")
int go_read_end(struct pt_regs *regs)
{
	return go_leave(regs, RT_EV_go_tls_read, RK_DATA_IN);
}

SEC("uprobe")
int go_write(struct pt_regs *regs)
{
	return go_enter(regs);
}

SEC("uprobe")
int go_write_end(struct pt_regs *regs)
{
	return go_leave(regs, RT_EV_go_tls_write, 0);
}
