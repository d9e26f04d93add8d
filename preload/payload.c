/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payload excerpts: which bytes of a connection to copy. Copying itself is mark_emit's.
 *
 * One entry a descriptor and one a TLS session, in memory reserved at start and touched when used.
 * Two threads may drive the two directions of one connection at once: they share only the
 * connection's number. Two threads in the same direction of one connection are the target's own
 * race; here it can spoil excerpts, never memory.
 */
#include "preload/payload.h"

#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "preload/payload_state.h"
#include "preload/process.h"
#include "preload/tls_join.h"

#define DNS_PORT 53
#define SESSION_PROBES 16

__u8 payload_watched[PAYLOAD_DESCRIPTORS];
struct payload_tables *payload_tables;

/* What a program was started with may be the pipes that it serves over. */
static void payload_inherit(int fd)
{
	struct stat status;

	if (payload_tables && !raw2(fstat, fd, &status) &&
		(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
		payload_pipe_cold(fd);
}

void payload_init(void)
{
	long place;

	if (!rt_region->payload_cap || payload_tables)
		return;
	place = raw6(mmap, NULL, sizeof(struct payload_tables), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (place > 0 || place < -4095)
		payload_tables = (struct payload_tables *)place;
	payload_inherit(0);
	payload_inherit(1);
}

static bool is_stream(const struct connection *connection)
{
	return connection->kind == KIND_SOCKET || connection->kind == KIND_PIPE;
}

void payload_forget(void)
{
	memset(payload_watched, 0, sizeof(payload_watched));
	if (payload_tables)
		raw3(madvise, payload_tables, sizeof(*payload_tables), MADV_DONTNEED);
}

static struct connection *descriptor_of(int fd)
{
	return payload_tables && fd >= 0 && fd < PAYLOAD_DESCRIPTORS
		? &payload_tables->descriptors[fd]
		: NULL;
}

/* The session's entry, a vacant one for a new session, or NULL when the table is crowded. */
static struct connection *session_of(const void *session)
{
	struct connection *sessions = payload_tables->sessions;
	size_t at = (uintptr_t)session * 0x9e3779b97f4a7c15ull >> 40;

	for (unsigned probe = 0; probe < SESSION_PROBES; probe++)
		if (sessions[(at + probe) % PAYLOAD_SESSIONS].session == session)
			return &sessions[(at + probe) % PAYLOAD_SESSIONS];
	for (unsigned probe = 0; probe < SESSION_PROBES; probe++) {
		struct connection *entry = &sessions[(at + probe) % PAYLOAD_SESSIONS];
		const void *vacant = NULL;

		if (__atomic_compare_exchange_n(&entry->session, &vacant, session, false,
			    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return entry;
	}
	return NULL;
}

static void number_give(struct connection *connection, unsigned kind, int fd)
{
	connection->kind = (__u8)kind;
	connection->fd = fd;
	connection->number =
		(__u32)__atomic_add_fetch(&rt_region->connections, 1, __ATOMIC_RELAXED);
	/* The place may have been another connection's. */
	rt_region->steer[connection->number % RT_CONNECTIONS_MAX] = RT_STEER_WHOLE;
}

static void emit_data(const struct connection *connection, unsigned way, __u64 position,
	const void *data, size_t size)
{
	const __u8 *bytes = data;

	while (size) {
		struct rt_bytes piece = {
			.data = bytes,
			.size = (__u32)(size < RT_TAIL_MAX ? size : RT_TAIL_MAX),
			.type = way == PAYLOAD_OUT ? RT_TAIL_DATA_OUT : RT_TAIL_DATA_IN,
			.info = connection->kind == KIND_TLS ? RT_DATA_PLAIN_OF_TLS : 0,
		};

		mark_emit_at(RT_EV_data, pair_of(connection->fd, connection->number),
			(__s64)(position << 1 | way), &piece, connection->ways[way].begun);
		bytes += piece.size;
		position += piece.size;
		size -= piece.size;
	}
}

static void count_cut(__u64 size)
{
	struct rt_slot *slot = rt_self.thread->slot;

	if (size && slot)
		slot->cut_bytes += size;
}

static struct tail *tail_take(struct way *way)
{
	for (unsigned i = 0; i < PAYLOAD_TAILS; i++) {
		struct tail *tail = &payload_tables->tails[i];

		if (!__atomic_load_n(&tail->taken, __ATOMIC_RELAXED) &&
			!__atomic_exchange_n(&tail->taken, 1, __ATOMIC_ACQUIRE)) {
			tail->used = tail->runs = 0;
			way->tail = (__u16)(i + 1);
			return tail;
		}
	}
	return NULL;
}

/* Keeps the last PAYLOAD_TAIL bytes of what is not copied. */
static void tail_keep(struct way *way, __u64 position, const __u8 *data, size_t size)
{
	struct tail *tail = way->tail ? &payload_tables->tails[way->tail - 1] : tail_take(way);

	count_cut(tail ? tail_put(tail, position, data, size) : size);
}

/* Copies what tail_keep held back. */
static void tail_flush(struct connection *connection, unsigned way_index)
{
	struct way *way = &connection->ways[way_index];
	const __u8 *bytes;
	struct tail *tail;

	if (!way->tail)
		return;
	tail = &payload_tables->tails[way->tail - 1];
	bytes = tail->bytes;
	for (unsigned i = 0; i < tail->runs; i++) {
		emit_data(connection, way_index, tail->run[i].position, bytes, tail->run[i].size);
		bytes += tail->run[i].size;
	}
	way->tail = 0;
	__atomic_store_n(&tail->taken, 0, __ATOMIC_RELEASE);
}

/* One run of bytes under the cap: its head is copied, the rest kept back. */
static void copy_capped(
	struct connection *connection, unsigned way_index, const __u8 *data, size_t size)
{
	struct way *way = &connection->ways[way_index];
	__u64 sent = way->position - way->message;
	__u64 cap = rt_region->payload_cap;
	size_t head = sent >= cap ? 0 : cap - sent < size ? (size_t)(cap - sent) : size;

	emit_data(connection, way_index, way->position, data, head);
	if (head < size)
		tail_keep(way, way->position + head, data + head, size - head);
	way->position += size;
}

static void copy_http2(
	struct connection *connection, unsigned way_index, const __u8 *data, size_t size)
{
	struct way *way = &connection->ways[way_index];

	while (size) {
		struct http2_run run = http2_walk_next(&way->walk, data, size);

		if (!run.is_data) {
			emit_data(connection, way_index, way->position, data, run.size);
			way->position += run.size;
		} else {
			copy_capped(connection, way_index, data, run.size);
		}
		if (run.ends_stream) {
			tail_flush(connection, way_index);
			way->message = way->position;
		}
		data += run.size;
		size -= run.size;
	}
}

/* A client's first words say that both directions speak HTTP/2. */
static bool starts_http2(const struct way *way, const __u8 *data, size_t size)
{
	static const char preface[] = HTTP2_PREFACE;

	if (way->position || size < HTTP2_PREFACE_SIZE)
		return false;
	for (unsigned i = 0; i < HTTP2_PREFACE_SIZE; i++)
		if (data[i] != (__u8)preface[i])
			return false;
	return true;
}

static void http2_begin(struct connection *connection, unsigned way_index)
{
	connection->ways[0].is_http2 = connection->ways[1].is_http2 = true;
	connection->ways[way_index].walk.left = HTTP2_PREFACE_SIZE;
}

static void message_end(struct connection *connection, unsigned way_index)
{
	struct way *way = &connection->ways[way_index];

	if (way->position > way->message) {
		tail_flush(connection, way_index);
		way->message = way->position;
	}
}

/* The turn passes to this side: the other's message is over. */
static void turn_take(struct connection *connection, unsigned way_index)
{
	message_end(connection, !way_index);
}

static void unwatch(const struct connection *connection)
{
	payload_watched[connection->fd] = 0;
	if (connection->copy)
		payload_watched[connection->copy] = 0;
}

/* The first bytes of a way. False: they are nothing that is wanted of a pipe. */
static bool begins_well(struct connection *connection, unsigned way_index, const __u8 *data)
{
	struct way *way = &connection->ways[way_index];

	way->is_lines = *data == '{';
	return way->is_lines || connection->kind != KIND_PIPE;
}

static void copy(struct connection *connection, unsigned way_index, const __u8 *data, size_t size,
	__u64 begun)
{
	struct way *way = &connection->ways[way_index];
	unsigned steer = rt_region->steer[connection->number % RT_CONNECTIONS_MAX];

	way->begun = begun;
	if (!way->position && !begins_well(connection, way_index, data)) {
		unwatch(connection);
		return;
	}
	if (connection->kind == KIND_SOCKET && tls_is_hello(data, size))
		tls_join_hello(connection->fd, way_index, data);
	if (starts_http2(way, data, size))
		http2_begin(connection, way_index);
	if (steer == RT_STEER_OFF) {
		way->position += size;
		/* never raised again: the hooks need not come here any more */
		if (is_stream(connection))
			unwatch(connection);
	} else if (way->is_http2) {
		copy_http2(connection, way_index, data, size);
	} else {
		turn_take(connection, way_index);
		copy_capped(connection, way_index, data, size);
		if (way->is_lines && data[size - 1] == '\n')
			message_end(connection, way_index);
	}
}

static void connection_end(struct connection *connection)
{
	for (unsigned way = 0; connection->number && way < 2; way++)
		tail_flush(connection, way);
	if (connection->ways[0].position || connection->ways[1].position)
		mark_emit(RT_EV_data, pair_of(connection->fd, connection->number), -1, NULL);
	memset(connection->ways, 0, sizeof(connection->ways));
	connection->kind = KIND_NONE;
	connection->has_begun = false;
	connection->number = 0;
}

static void entry_clear(struct connection *connection)
{
	memset(connection, 0, sizeof(*connection));
}

/* The descriptor is gone. With another one left the connection lives on under that. */
static void descriptor_end(int fd, struct connection *connection)
{
	struct connection *other;

	payload_watched[fd] = 0;
	if (connection->kind == KIND_COPY) {
		other = descriptor_of(connection->fd);
		if (other->copy == fd)
			other->copy = 0;
		entry_clear(connection);
	} else if (is_stream(connection) && connection->copy) {
		other = descriptor_of(connection->copy);
		*other = *connection;
		other->fd = connection->copy;
		other->copy = 0;
		entry_clear(connection);
	} else {
		connection_end(connection);
	}
}

static void descriptor_open(int fd, enum kind kind)
{
	struct connection *connection = descriptor_of(fd);

	if (!connection || process_is_guest())
		return;
	descriptor_end(fd, connection);
	connection->session = NULL;
	number_give(connection, kind, fd);
	payload_watched[fd] = 1;
}

bool payload_is_socket_cold(int fd)
{
	const struct connection *connection = descriptor_of(fd);

	return connection && (connection->kind == KIND_SOCKET || connection->kind == KIND_COPY);
}

void payload_open_cold(int fd)
{
	descriptor_open(fd, KIND_SOCKET);
}

void payload_pipe_cold(int fd)
{
	descriptor_open(fd, KIND_PIPE);
}

void payload_close_cold(int fd)
{
	struct connection *connection = descriptor_of(fd);

	if (connection && connection->kind != KIND_NONE && !process_is_guest())
		descriptor_end(fd, connection);
}

void payload_datagrams_cold(int fd)
{
	struct connection *connection = descriptor_of(fd);

	payload_close_cold(fd);
	if (connection && !process_is_guest())
		connection->kind = KIND_DATAGRAMS;
}

void payload_named_cold(int fd, const void *address, unsigned length)
{
	struct connection *connection = descriptor_of(fd);
	const struct sockaddr_in *name = address; /* the port is where IPv6 has it too */

	if (!connection || connection->kind != KIND_DATAGRAMS || connection->number ||
		length < sizeof(*name) || process_is_guest())
		return;
	if ((name->sin_family != AF_INET && name->sin_family != AF_INET6) ||
		name->sin_port != htons(DNS_PORT))
		return;
	number_give(connection, KIND_DATAGRAMS, fd);
	payload_watched[fd] = 1;
}

/* One copy is followed; of a connection with more of them nothing is read any more. */
void payload_share_cold(int fd, int made)
{
	struct connection *original, *copy = descriptor_of(made);

	if (process_is_guest())
		return;
	payload_close_cold(made);
	original = descriptor_of(fd);
	if (original && original->kind == KIND_COPY)
		original = descriptor_of(original->fd);
	if (!original || !is_stream(original) || !payload_watched[original->fd])
		return;
	if (!copy || original->copy) {
		payload_watched[original->fd] = 0;
		return;
	}
	original->copy = made;
	copy->kind = KIND_COPY;
	copy->fd = original->fd;
	payload_watched[made] = 1;
}

/* The connection to read from, or NULL where its bytes say nothing (any more). */
static struct connection *watched_of(int fd)
{
	struct connection *connection = descriptor_of(fd);

	if (connection && connection->kind == KIND_COPY)
		connection = descriptor_of(connection->fd);
	if (!connection || !connection->number || !payload_watched[connection->fd] ||
		process_is_guest())
		return NULL;
	return connection;
}

static void copy_datagram(struct connection *connection, unsigned way_index,
	const struct iovec *parts, size_t count, size_t size)
{
	struct way *way = &connection->ways[way_index];
	const __u8 length[2] = {(__u8)(size >> 8), (__u8)size};

	if (rt_region->steer[connection->number % RT_CONNECTIONS_MAX] == RT_STEER_OFF) {
		payload_watched[connection->fd] = 0;
		return;
	}
	emit_data(connection, way_index, way->position, length, sizeof(length));
	way->position += sizeof(length);
	for (size_t i = 0; i < count && size; i++) {
		size_t part = parts[i].iov_len < size ? parts[i].iov_len : size;

		emit_data(connection, way_index, way->position, parts[i].iov_base, part);
		way->position += part;
		size -= part;
	}
}

void payload_copy_cold(int fd, enum payload_way way, const void *data, size_t size, __u64 begun)
{
	const struct iovec whole = {(void *)data, size};

	payload_copyv_cold(fd, way, &whole, 1, size, begun);
}

void payload_skip_cold(int fd, enum payload_way way_index, size_t size)
{
	struct connection *connection = watched_of(fd);
	struct way *way;

	if (!connection || connection->kind == KIND_DATAGRAMS)
		return;
	way = &connection->ways[way_index];
	if (connection->kind == KIND_PIPE && !way->is_lines) {
		unwatch(connection);
		return;
	}
	if (way->is_http2) {
		/* where the next frame begins is lost */
		payload_watched[connection->fd] = 0;
		return;
	}
	turn_take(connection, way_index);
	tail_flush(connection, way_index);
	count_cut(size);
	way->position += size;
	mark_emit(RT_EV_data, pair_of(connection->fd, connection->number),
		(__s64)(way->position << 1 | way_index), NULL);
}

void payload_copyv_cold(int fd, enum payload_way way, const struct iovec *parts, size_t count,
	size_t size, __u64 begun)
{
	struct connection *connection = watched_of(fd);

	if (connection && connection->kind == KIND_DATAGRAMS) {
		connection->ways[way].begun = begun;
		copy_datagram(connection, way, parts, count, size);
		return;
	}
	for (size_t i = 0; i < count && size && connection; i++) {
		size_t part = parts[i].iov_len < size ? parts[i].iov_len : size;

		copy(connection, way, parts[i].iov_base, part, begun);
		size -= part;
	}
}

void payload_tls_cold(const void *session, int fd, enum payload_way way, const void *data,
	size_t size, __u64 begun)
{
	struct connection *connection = payload_tables ? session_of(session) : NULL;

	if (!connection)
		return;
	if (connection->kind == KIND_NONE)
		number_give(connection, KIND_TLS, fd);
	/* what the socket carries is this, encrypted */
	if (descriptor_of(connection->fd))
		payload_watched[connection->fd] = 0;
	copy(connection, way, data, size, begun);
}

bool payload_tls_begins_cold(const void *session, int fd)
{
	struct connection *connection = payload_tables ? session_of(session) : NULL;

	if (!connection || connection->has_begun)
		return false;
	if (connection->kind == KIND_NONE)
		number_give(connection, KIND_TLS, fd);
	connection->has_begun = true;
	return true;
}

bool payload_tls_bind(const void *session, int fd)
{
	struct connection *connection = payload_tables ? session_of(session) : NULL;

	if (!connection || (connection->kind == KIND_TLS && connection->fd == fd))
		return false;
	if (connection->kind == KIND_NONE)
		number_give(connection, KIND_TLS, fd);
	connection->fd = fd;
	/* what the socket carries is this, encrypted */
	if (descriptor_of(fd)) {
		payload_watched[fd] = 0;
		descriptor_of(fd)->session = session;
	}
	return true;
}

bool payload_knows(int fd)
{
	const struct connection *connection = descriptor_of(fd) ? watched_of(fd) : NULL;

	return connection && connection->number;
}

bool payload_tell(int fd, unsigned kind, __u64 place, __u64 span, __u64 ticks)
{
	struct connection *connection = descriptor_of(fd);
	struct rt_bytes tail = {.data = &span, .size = sizeof(span), .type = RT_TAIL_NUMBER};

	if (connection && connection->session)
		connection = session_of(connection->session);
	else
		connection = connection ? watched_of(fd) : NULL;
	if (!connection || !connection->number)
		return false;
	mark_emit_at(kind, pair_of(fd, connection->number), (__s64)place, &tail, ticks);
	return true;
}

void payload_tls_close_cold(const void *session)
{
	struct connection *connection = payload_tables ? session_of(session) : NULL;

	if (!connection)
		return;
	if (descriptor_of(connection->fd) && descriptor_of(connection->fd)->session == session)
		descriptor_of(connection->fd)->session = NULL;
	connection_end(connection);
	__atomic_store_n(&connection->session, NULL, __ATOMIC_RELEASE);
}
