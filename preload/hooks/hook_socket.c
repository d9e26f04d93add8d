/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of every domain. Addresses of peers travel as tails. */
#include "preload/already.h"
#include "preload/endpoint.h"
#include "preload/hooks/hook.h"

#include <errno.h>
#include <sys/socket.h>

/* An address that the kernel has read, or NULL where it may be a wild pointer. */
static const struct rt_bytes *address_tail(struct rt_bytes *tail, unsigned type,
	const struct sockaddr *address, socklen_t length, __s64 result)
{
	if (!address || !length || length > sizeof(struct sockaddr_storage) || result == -EFAULT ||
		result == -EBADF || result == -ENOTSOCK || result == -EINVAL)
		return NULL;
	*tail = (struct rt_bytes){.data = address, .size = length, .type = (__u8)type};
	return tail;
}

/* Left where they are, or no part of the stream. */
#define BESIDE (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)

#define ELSEWHERE (BESIDE | MSG_TRUNC)

/* With MSG_TRUNC a stream's bytes go, and the buffer is not written to; there may be none. */
static inline void payload_received(int fd, int flags, const void *data, ssize_t done)
{
	if (flags & BESIDE)
		return;
	if (flags & MSG_TRUNC)
		payload_skipped(fd, PAYLOAD_IN, done);
	else
		payload_moved(fd, PAYLOAD_IN, data, done, 0);
}

static inline void payload_received_parts(
	int fd, int flags, const struct msghdr *message, ssize_t done)
{
	if (payload_wanted() && done >= 0 && message->msg_controllen)
		already_received(message);
	if (flags & BESIDE || done <= 0)
		return;
	if (flags & MSG_TRUNC)
		payload_skipped(fd, PAYLOAD_IN, done);
	else
		payload_movedv(fd, PAYLOAD_IN, message->msg_iov, message->msg_iovlen, done, 0);
}

static inline void payload_made(int fd, int type)
{
	type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (type == SOCK_STREAM)
		payload_open(fd);
	else if (type == SOCK_DGRAM)
		payload_datagrams(fd);
	else
		payload_close(fd);
}

#define FD(event, type, name, params, args) \
	RECORD(socket, event, type, name, params, args, (__u32)fd)

static NOINLINE int record_socket(int domain, int type, int protocol)
{
	__u32 sort = (__u32)domain << 8 | ((__u32)type & 0xff);
	struct rt_call call;
	int fd;

	if (!call_enter(&call, RT_EV_socket, RT_FAMILY_socket, pair_of(-1, sort)))
		return real_socket(domain, type, protocol);
	fd = real_socket(domain, type, protocol);
	call_leave(&call, pair_of(fd, sort), result_or_errno(fd));
	payload_made(fd, type);
	return fd;
}
ENTRY(int, socket, (int domain, int type, int protocol), (domain, type, protocol))

static NOINLINE int record_socketpair(int domain, int type, int protocol, int ends[2])
{
	struct rt_call call;
	int result;

	if (!call_enter(&call, RT_EV_socketpair, RT_FAMILY_socket, 0))
		return real_socketpair(domain, type, protocol, ends);
	result = real_socketpair(domain, type, protocol, ends);
	call_leave(&call, result ? 0 : pair_of(ends[0], ends[1]), result_or_errno(result));
	if (!result) {
		payload_made(ends[0], type);
		payload_made(ends[1], type);
	}
	return result;
}
ENTRY(int, socketpair, (int domain, int type, int protocol, int ends[2]),
	(domain, type, protocol, ends))

static NOINLINE int record_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	struct rt_call call;
	struct rt_bytes tail;
	__s64 outcome;
	int result;

	if (!call_enter(&call, RT_EV_bind, RT_FAMILY_socket, (__u32)fd))
		return real_bind(fd, address, length);
	result = real_bind(fd, address, length);
	outcome = result_or_errno(result);
	call_leave_tail(&call, (__u32)fd, outcome,
		address_tail(&tail, RT_TAIL_LOCAL, address, length, outcome));
	return result;
}
ENTRY(int, bind, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length))

static NOINLINE int record_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	const struct rt_bytes *told;
	struct endpoint_pair pair;
	struct rt_call call;
	struct rt_bytes tail;
	__s64 outcome;
	int result;

	if (!call_enter(&call, RT_EV_connect, RT_FAMILY_socket, (__u32)fd))
		return real_connect(fd, address, length);
	result = real_connect(fd, address, length);
	outcome = result_or_errno(result);
	told = address_tail(&tail, RT_TAIL_ADDRESS, address, length, outcome);
	if (told && (!outcome || outcome == -EINPROGRESS) && payload_is_socket(fd))
		endpoint_add_local(fd, &tail, &pair);
	call_leave_tail(&call, (__u32)fd, outcome, told);
	if (!result)
		payload_named(fd, address, length);
	return result;
}
ENTRY(int, connect, (int fd, const struct sockaddr *address, socklen_t length),
	(fd, address, length))

/* Who listens to a port that the system chose has told its address to nobody. */
static NOINLINE int record_listen(int fd, int backlog)
{
	struct endpoint_pair pair;
	struct rt_bytes tail = {.type = RT_TAIL_LOCAL};
	struct rt_call call;
	int result;

	if (!call_enter(&call, RT_EV_listen, RT_FAMILY_socket, (__u32)fd))
		return real_listen(fd, backlog);
	result = real_listen(fd, backlog);
	if (!result && payload_is_socket(fd) && endpoint_local(fd, &tail, &pair))
		call_leave_tail(&call, (__u32)fd, 0, &tail);
	else
		call_leave(&call, (__u32)fd, result_or_errno(result));
	return result;
}
ENTRY(int, listen, (int fd, int backlog), (fd, backlog))

/* A caller that does not want to know the peer: we do. */
struct peer {
	struct sockaddr_storage storage;
	socklen_t length;
};

static NOINLINE void accept_leave(const struct rt_call *call, int fd, int made,
	const struct sockaddr *address, const socklen_t *length)
{
	__s64 result = result_or_errno(made);
	struct rt_bytes tail;

	call_leave_tail(call, pair_of(fd, made), result,
		made < 0 || !length
			? NULL
			: address_tail(&tail, RT_TAIL_ADDRESS, address, *length, result));
	payload_open(made);
}

#define ACCEPT(name, params, args, own_args)                                             \
	static NOINLINE int record_##name params                                         \
	{                                                                                \
		struct peer peer = {.length = sizeof(peer.storage)};                     \
		struct sockaddr *own = (struct sockaddr *)&peer.storage;                 \
		struct rt_call call;                                                     \
		int made;                                                                \
                                                                                         \
		if (!call_enter(&call, RT_EV_accept, RT_FAMILY_socket, pair_of(fd, -1))) \
			return real_##name args;                                         \
		if (address) {                                                           \
			made = real_##name args;                                         \
			accept_leave(&call, fd, made, address, length);                  \
		} else {                                                                 \
			made = real_##name own_args;                                     \
			accept_leave(&call, fd, made, own, &peer.length);                \
		}                                                                        \
		return made;                                                             \
	}                                                                                \
	ENTRY(int, name, params, args)

ACCEPT(accept, (int fd, struct sockaddr *address, socklen_t *length), (fd, address, length),
	(fd, own, &peer.length))
ACCEPT(accept4, (int fd, struct sockaddr *address, socklen_t *length, int flags),
	(fd, address, length, flags), (fd, own, &peer.length, flags))

FD(shutdown, int, shutdown, (int fd, int how), (fd, how))
RECORD_MOVE(socket, send, send, (int fd, const void *data, size_t size, int flags),
	(fd, data, size, flags), payload_leaves(&call, fd, PAYLOAD_OUT, data, result),
	payload_moved(fd, PAYLOAD_OUT, data, result, call.start))
RECORD_MOVE(socket, recv, recv, (int fd, void *data, size_t size, int flags),
	(fd, data, size, flags),
	!(flags & ELSEWHERE) && payload_leaves(&call, fd, PAYLOAD_IN, data, result),
	payload_received(fd, flags, data, result))
RECORD_MOVE(socket, recv, __recv_chk, (int fd, void *data, size_t size, size_t room, int flags),
	(fd, data, size, room, flags),
	!(flags & ELSEWHERE) && payload_leaves(&call, fd, PAYLOAD_IN, data, result),
	payload_received(fd, flags, data, result))
static inline void payload_sent_parts(
	int fd, const struct msghdr *message, ssize_t done, __u64 begun)
{
	/* what it points to is read only where the kernel has read it */
	if (done <= 0)
		return;
	payload_named(fd, message->msg_name, message->msg_namelen);
	payload_movedv(fd, PAYLOAD_OUT, message->msg_iov, message->msg_iovlen, done, begun);
}

RECORD_MOVE(socket, sendmsg, sendmsg, (int fd, const struct msghdr *message, int flags),
	(fd, message, flags),
	result > 0 && !message->msg_name &&
		payload_leavesv(&call, fd, PAYLOAD_OUT, message->msg_iov, result),
	payload_sent_parts(fd, message, result, call.start))
RECORD_MOVE(socket, recvmsg, recvmsg, (int fd, struct msghdr *message, int flags),
	(fd, message, flags),
	result > 0 && !(flags & ELSEWHERE) && !message->msg_controllen &&
		payload_leavesv(&call, fd, PAYLOAD_IN, message->msg_iov, result),
	payload_received_parts(fd, flags, message, result))

#define EACH(call)                                \
	for (int i = 0; i < result; i++) {        \
		struct mmsghdr *m = &messages[i]; \
                                                  \
		call;                             \
	}

#define MANY(name, params, args, call)                                                         \
	RECORD_THEN(socket, name, int, name, params, args, (__u32)fd, result_or_errno(result), \
		if (payload_wanted()) EACH(call))

MANY(sendmmsg, (int fd, struct mmsghdr *messages, unsigned count, int flags),
	(fd, messages, count, flags), payload_sent_parts(fd, &m->msg_hdr, m->msg_len, call.start))
MANY(recvmmsg,
	(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout),
	(fd, messages, count, flags, timeout),
	payload_received_parts(fd, flags, &m->msg_hdr, m->msg_len))
RECORD_MOVE(socket, recvfrom, recvfrom,
	(int fd, void *data, size_t size, int flags, struct sockaddr *address, socklen_t *length),
	(fd, data, size, flags, address, length),
	!(flags & ELSEWHERE) && payload_leaves(&call, fd, PAYLOAD_IN, data, result),
	payload_received(fd, flags, data, result))
RECORD_MOVE(socket, recvfrom, __recvfrom_chk,
	(int fd, void *data, size_t size, size_t room, int flags, struct sockaddr *address,
		socklen_t *length),
	(fd, data, size, room, flags, address, length),
	!(flags & ELSEWHERE) && payload_leaves(&call, fd, PAYLOAD_IN, data, result),
	payload_received(fd, flags, data, result))

static NOINLINE ssize_t record_sendto(int fd, const void *data, size_t size, int flags,
	const struct sockaddr *address, socklen_t length)
{
	struct rt_bytes tail;
	struct rt_call call;
	ssize_t result;
	__s64 outcome;

	if (!call_enter(&call, RT_EV_sendto, RT_FAMILY_socket, (__u32)fd))
		return real_sendto(fd, data, size, flags, address, length);
	result = real_sendto(fd, data, size, flags, address, length);
	if (!address && payload_leaves(&call, fd, PAYLOAD_OUT, data, result))
		return result;
	outcome = result_or_errno(result);
	if (address)
		call_leave_tail(&call, (__u32)fd, outcome,
			address_tail(&tail, RT_TAIL_ADDRESS, address, length, outcome));
	else
		call_leave(&call, (__u32)fd, outcome);
	if (result > 0)
		payload_named(fd, address, length);
	payload_moved(fd, PAYLOAD_OUT, data, result, call.start);
	return result;
}
ENTRY(ssize_t, sendto,
	(int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
		socklen_t length),
	(fd, data, size, flags, address, length))
