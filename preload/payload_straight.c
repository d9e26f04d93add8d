/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The straight path of payload.h. Most calls move the next few bytes of a stream that is under way:
 * no protocol begins or ends there, nothing is held back, the cap is far. Such a call and its bytes
 * are told in one go. All else is left to payload.c.
 */
#include "preload/payload.h"

#include "preload/payload_state.h"

#define STRAIGHT_BYTES 4096
#define TLS_HANDSHAKE 22 /* the first byte of what may be a ClientHello */

/* The stream's connection, or NULL where its bytes must go the other way. */
static struct connection *straight_connection(
	int fd, enum payload_way way, const struct iovec *parts, size_t size)
{
	struct connection *connection = &payload_tables->descriptors[fd];
	const struct way *own = &connection->ways[way], *other = &connection->ways[!way];
	__u64 sent = other->position > other->message ? 0 : own->position - own->message;

	if (connection->kind != KIND_SOCKET || !own->position || own->is_http2 || own->is_lines ||
		own->tail || other->tail || size > STRAIGHT_BYTES ||
		sent + size > rt_region->payload_cap || !parts->iov_len ||
		*(const __u8 *)parts->iov_base == TLS_HANDSHAKE ||
		rt_region->steer[connection->number % RT_CONNECTIONS_MAX] != RT_STEER_WHOLE)
		return NULL;
	return connection;
}

static void bytes_gather(__u8 *to, const struct iovec *parts, size_t size)
{
	for (; size; parts++) {
		size_t part = parts->iov_len < size ? parts->iov_len : size;

		bytes_copy(to, parts->iov_base, part);
		to += part;
		size -= part;
	}
}

/* The same marks as payload.c's emit_data: of what is sent, from when its call began. */
static void mark_fill(struct rt_record *mark, const struct rt_record *call,
	const struct connection *connection, enum payload_way way, size_t size)
{
	struct rt_tail *tail = (struct rt_tail *)(mark + 1);

	mark->start = way == PAYLOAD_OUT ? call->start : call->start + call->duration;
	mark->duration = 0;
	mark->kind = RT_EV_data;
	mark->depth = call->depth;
	mark->flags = RT_FLAG_TAIL;
	mark->arg = pair_of(connection->fd, connection->number);
	mark->result = (__s64)(connection->ways[way].position << 1 | way);
	tail->size = (__u16)size;
	tail->type = way == PAYLOAD_OUT ? RT_TAIL_DATA_OUT : RT_TAIL_DATA_IN;
	tail->pad = 0;
	tail->info = RT_DATA_SOCKET;
}

bool payload_leave_cold(const struct rt_call *call, int fd, enum payload_way way,
	const struct iovec *parts, size_t size)
{
	__u64 duration = tsc_read() - call->start;
	struct rt_thread *thread = call->thread;
	unsigned slots = 2 + (unsigned)RT_TAIL_SLOTS(size);
	struct connection *connection;
	struct rt_record *record;

	connection = straight_connection(fd, way, parts, size);
	if (!connection || duration >> 32 || self_is_lent())
		return false;
	record = room_begin(thread, slots);
	if (unlikely(!record))
		return false;
	call_fill(record, call, (__u32)duration, (__u32)fd, (__s64)size);
	mark_fill(record + 1, record, connection, way, size);
	bytes_gather(((struct rt_tail *)(record + 2))->bytes, parts, size);
	room_end(thread, record + slots);
	thread->slot->depth = call->depth;
	if (connection->ways[!way].position > connection->ways[!way].message)
		connection->ways[!way].message = connection->ways[!way].position;
	connection->ways[way].position += size;
	return true;
}
