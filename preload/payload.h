/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Excerpts of what passes over connections, for the protocol parsers in the tracer.
 *
 * Each direction of a connection is copied whole up to rt_region.payload_cap bytes a message; of
 * what is longer the last PAYLOAD_TAIL bytes follow when the message ends (the other side speaks,
 * or the connection closes), because the facts that matter stand at both ends. On HTTP/2 every
 * frame but DATA is copied whole and only DATA is cut, because one lost HEADERS byte spoils all
 * later ones. The tracer turns a connection down, never up, by rt_region.steer.
 *
 * An excerpt is a data mark: arg = fd | connection number << 32, result = twice its position in
 * the stream of its direction, and one more if it was read; one with no tail says how far the
 * stream has come without a copy, or, with -1, that the connection is closed. A gap between
 * positions is what was not copied; it is counted in rt_slot.cut_bytes too.
 *
 * Of datagrams only DNS is copied: those of a socket that has sent to port 53, or been connected to
 * it. Each is told with two bytes of length before it, as DNS over TCP has them.
 *
 * Of pipes, and of what a program was started with as its input and output, only JSON is copied, as
 * tools speak it over them: the first byte says whether it may be. Each line then is a message.
 *
 * With payload_cap 0 at start nothing here takes memory or time.
 */
#ifndef PRELOAD_PAYLOAD_H
#define PRELOAD_PAYLOAD_H

#include <sys/types.h>
#include <sys/uio.h>

#include "preload/emit.h"

#define PAYLOAD_TAIL 4096

enum payload_way { PAYLOAD_OUT, PAYLOAD_IN };

/* Once, when the region is mapped. */
void payload_init(void);

/* What was known is over. */
COLD void payload_forget(void);

COLD void payload_open_cold(int fd);
COLD void payload_close_cold(int fd);
COLD void payload_pipe_cold(int fd);
COLD void payload_datagrams_cold(int fd);
COLD void payload_named_cold(int fd, const void *address, unsigned length);
COLD void payload_share_cold(int fd, int made);
COLD void payload_skip_cold(int fd, enum payload_way way, size_t size);
COLD void payload_copy_cold(
	int fd, enum payload_way way, const void *data, size_t size, __u64 begun);
COLD void payload_copyv_cold(int fd, enum payload_way way, const struct iovec *parts, size_t count,
	size_t size, __u64 begun);
COLD bool payload_leave_cold(const struct rt_call *call, int fd, enum payload_way way,
	const struct iovec *parts, size_t size);
COLD void payload_tls_cold(const void *session, int fd, enum payload_way way, const void *data,
	size_t size, __u64 begun);
COLD bool payload_tls_begins_cold(const void *session, int fd);
COLD void payload_tls_close_cold(const void *session);
/* The session rides on fd; false where that is known. */
COLD bool payload_tls_bind(const void *session, int fd);

/*
 * A mark about the connection of `fd`, in plain text where it is TLS: what happens at a place of it
 * is the span's. Kind and place are as event.def has them of RT_EV_owner and RT_EV_answer; clock
 * ticks 0: now. False where that connection is not known (any more).
 */
COLD bool payload_tell(int fd, unsigned kind, __u64 place, __u64 span, __u64 ticks);

/* Is what passes over the connection of `fd` copied? */
COLD bool payload_knows(int fd);

#define payload_wanted() unlikely(rt_region->payload_cap)

#define PAYLOAD_DESCRIPTORS 65536

/* Of each descriptor: is it a connection whose bytes are still wanted? All that a hook looks at. */
extern HIDDEN __u8 payload_watched[PAYLOAD_DESCRIPTORS];

static inline bool payload_watches(int fd)
{
	return unlikely((unsigned)fd < PAYLOAD_DESCRIPTORS && payload_watched[fd]);
}

/* fd is a new socket: whatever was known of that number is over. */
static inline void payload_open(int fd)
{
	if (payload_wanted() && fd >= 0)
		payload_open_cold(fd);
}

/* fd is an end of a new pipe. */
static inline void payload_pipe(int fd)
{
	if (payload_wanted() && fd >= 0)
		payload_pipe_cold(fd);
}

/* fd is a new datagram socket. */
static inline void payload_datagrams(int fd)
{
	if (payload_wanted() && fd >= 0)
		payload_datagrams_cold(fd);
}

/* A peer of a socket that the kernel has accepted: a struct sockaddr, or NULL. */
static inline void payload_named(int fd, const void *address, unsigned length)
{
	if (payload_wanted() && address)
		payload_named_cold(fd, address, length);
}

COLD bool payload_is_socket_cold(int fd);

/* A stream socket that was seen being made? */
static inline bool payload_is_socket(int fd)
{
	return payload_wanted() && payload_is_socket_cold(fd);
}

static inline void payload_close(int fd)
{
	if (payload_wanted() && fd >= 0)
		payload_close_cold(fd);
}

/*
 * After a call that moved `done` bytes (or failed). Descriptors not known as sockets are left
 * alone. What is sent is told from when its call began, because the other end may answer before it
 * returns; of what is read `begun` is 0: it is there when the call is over.
 */
static inline void payload_moved(
	int fd, enum payload_way way, const void *data, ssize_t done, __u64 begun)
{
	if (payload_watches(fd) && done > 0)
		payload_copy_cold(fd, way, data, (size_t)done, begun);
}

static inline void payload_movedv(int fd, enum payload_way way, const struct iovec *parts,
	size_t count, ssize_t done, __u64 begun)
{
	if (payload_watches(fd) && done > 0)
		payload_copyv_cold(fd, way, parts, count, (size_t)done, begun);
}

/*
 * Tells of a call that moved `done` bytes and of the bytes in one go. False where it has told
 * nothing, so that call_leave and payload_movedv must.
 */
static inline bool payload_leavesv(const struct rt_call *call, int fd, enum payload_way way,
	const struct iovec *parts, ssize_t done)
{
	return payload_watches(fd) && done > 0 &&
		payload_leave_cold(call, fd, way, parts, (size_t)done);
}

static inline bool payload_leaves(
	const struct rt_call *call, int fd, enum payload_way way, const void *data, ssize_t done)
{
	const struct iovec whole = {(void *)data, (size_t)done};

	return payload_leavesv(call, fd, way, &whole, done);
}

/* The same of bytes that are not at hand: the kernel moved them by itself, or threw them away. */
static inline void payload_skipped(int fd, enum payload_way way, ssize_t done)
{
	if (payload_watches(fd) && done > 0)
		payload_skip_cold(fd, way, (size_t)done);
}

/* `made`, if there is one, is another name of fd from now on, and no longer what it was. */
static inline void payload_shared(int fd, int made)
{
	if (payload_wanted() && made >= 0 && fd != made)
		payload_share_cold(fd, made);
}

/* Plain text of a TLS session. fd: the socket it rides on, -1 where the library does not know. */
static inline void payload_tls(const void *session, int fd, enum payload_way way, const void *data,
	ssize_t done, __u64 begun)
{
	if (payload_wanted() && done > 0)
		payload_tls_cold(session, fd, way, data, (size_t)done, begun);
}

/* True once a session: before its first plain text, or when its handshake is done. */
static inline bool payload_tls_begins(const void *session, int fd)
{
	return payload_wanted() && payload_tls_begins_cold(session, fd);
}

static inline void payload_tls_close(const void *session)
{
	if (payload_wanted())
		payload_tls_close_cold(session);
}

#endif
