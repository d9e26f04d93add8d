/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ordering and recognising. Marks of one thread come in order, those of several come chunk by
 * chunk; they wait here until connections_settle says that nothing older can come.
 */
#include "loader/stream/connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/buf.h"
#include "lib/keyed_hash.h"
#include "lib/map.h"
#include "loader/stream/forced.h"
#include "loader/stream/sealed.h"
#include "loader/stream/peers.h"
#include "protocols/protocol.h"
#include "protocols/rpc.h"
#include "wire/ring.h"

/* Bytes kept of a direction until some protocol has said yes or all have said no. */
#define PROBE_BYTES 4096
/* Bytes that may wait for their turn, and marks. */
#define QUEUE_BYTES (64u << 20)
#define QUEUE_MARKS (1u << 20)

struct way {
	uint64_t position; /* of the next byte in order */
	struct buf probe;
};

struct connection {
	struct connections *all;
	struct exchange_host host;
	struct peer peer;
	const struct protocol *protocol;
	void *state;
	uint64_t key; /* in by_number */
	uint32_t process;
	uint32_t number;
	int fd;
	uint32_t waiting;	 /* marks in the queue */
	struct connection *next; /* of those that have parted */
	bool is_asked;		 /* for: whether a rule forces its protocol */
	bool given_up;
	bool closed;
	struct way ways[2];
};

struct waiting {
	uint64_t ticks;
	uint64_t mark;
	uint64_t position;
	struct connection *connection;
	size_t offset; /* in the queue's bytes */
	uint32_t size; /* 0: only that the stream has come this far */
	uint32_t thread;
	uint32_t order; /* of arrival, among equal ticks */
	enum proto_way way;
	bool closes; /* the connection is closed */
};

struct connections {
	struct pack *pack;
	connections_steer_fn *steer;
	void *context;
	struct keyed_hash key;
	struct peers *peers;
	struct map by_number; /* process << 32 | number: struct connection * */
	struct buf bytes;
	struct waiting *queue;
	size_t queued, capacity;
	struct connections_totals totals;
	struct sealed sealed;
	struct rpc_desk *desk;
	char *const *forced;
	bool keeps_content;
	struct connection *parted; /* closed, but answers to what it asked may come elsewhere */
};

static void take_exchange(void *context, const struct exchange *exchange)
{
	struct connection *connection = context;

	connection->all->totals.exchanges++;
	pack_exchange(connection->all->pack, connection->number, connection->fd, exchange);
}

static uint64_t hash_bytes(void *context, const void *bytes, size_t size)
{
	const struct connection *connection = context;

	return keyed_hash(&connection->all->key, bytes, size);
}

struct connections *connections_new(struct pack *pack, connections_steer_fn *steer, void *context)
{
	struct connections *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->pack = pack;
	all->steer = steer;
	all->context = context;
	all->peers = peers_new();
	if (getrandom(&all->key, sizeof(all->key), 0) != sizeof(all->key)) {
		connections_free(all);
		return NULL;
	}
	all->desk = rpc_desk_new();
	return all;
}

/* What was said on a connection does not stay in memory. */
static void wipe(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->capacity);
	buf_free(buf);
}

static void close_connection(struct connection *connection, uint64_t ticks)
{
	if (connection->protocol)
		connection->protocol->close(connection->state, ticks);
	free(connection->state);
	connection->state = NULL;
	connection->protocol = NULL;
	wipe(&connection->ways[0].probe);
	wipe(&connection->ways[1].probe);
}

void connections_force(struct connections *all, char *const *rules)
{
	all->forced = rules;
}

void connections_keep_content(struct connections *all)
{
	all->keeps_content = true;
}

void connections_free(struct connections *all)
{
	if (!all)
		return;
	connections_finish(all, 0);
	map_free(&all->by_number);
	sealed_free(&all->sealed);
	peers_free(all->peers);
	wipe(&all->bytes);
	free(all->queue);
	free(all);
}

static struct connection *connection_of(
	struct connections *all, uint32_t process, uint32_t number, int fd)
{
	uint64_t key = (uint64_t)process << 32 | number;
	uint64_t *place = map_at(&all->by_number, key);
	struct connection *connection;

	if (!place)
		return NULL;
	if (*place)
		return (struct connection *)(uintptr_t)*place;
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return NULL;
	connection->all = all;
	connection->key = key;
	connection->process = process;
	connection->number = number;
	connection->fd = fd;
	connection->host.context = connection;
	connection->host.done = take_exchange;
	connection->host.hash = hash_bytes;
	connection->host.process = process;
	connection->host.connection = number;
	connection->host.desk = all->desk;
	connection->host.keeps_content = all->keeps_content;
	*place = (uint64_t)(uintptr_t)connection;
	all->totals.connections++;
	return connection;
}

static struct waiting *queue_place(struct connections *all)
{
	size_t capacity = all->capacity ? all->capacity * 2 : 256;
	struct waiting *queue;

	if (all->queued == all->capacity) {
		queue = realloc(all->queue, capacity * sizeof(*queue));
		if (!queue)
			return NULL;
		all->queue = queue;
		all->capacity = capacity;
	}
	return &all->queue[all->queued];
}

/*
 * What is known of its descriptor: asked when its first bytes come, since the descriptor may soon
 * be another's, and again when its protocol is known, since another thread may tell of it late.
 */
static void look_up_peer(struct connection *connection, uint64_t ticks)
{
	if (!peers_find(connection->all->peers, connection->process, connection->fd, ticks,
		    &connection->peer))
		return;
	connection->host.server_port = connection->peer.port;
	connection->host.server_name = connection->peer.name[0] ? connection->peer.name : NULL;
}

void connections_data(struct connections *all, uint32_t process, uint32_t thread,
	const struct rt_record *record, const uint8_t *bytes, size_t size, unsigned type)
{
	struct waiting *place = queue_place(all);
	struct connection *connection =
		connection_of(all, process, (uint32_t)(record->arg >> 32), (int)record->arg);
	bool closes = !size && record->result < 0;

	all->totals.bytes += size;
	if (size && type != RT_TAIL_DATA_OUT && type != RT_TAIL_DATA_IN)
		return;
	if (connection && connection->given_up && !closes)
		return;
	/* that a connection has closed must be known, however much waits */
	if (!place || !connection || size > QUEUE_BYTES - all->bytes.size ||
		(!closes && all->queued >= QUEUE_MARKS)) {
		all->totals.dropped_bytes += size;
		return;
	}
	*place = (struct waiting){
		.ticks = record->start,
		.mark = (uint64_t)record->result,
		.position = (uint64_t)record->result >> 1,
		.connection = connection,
		.offset = all->bytes.size,
		.size = (uint32_t)size,
		.thread = thread,
		.order = (uint32_t)all->queued,
		.way = record->result & 1 ? PROTO_IN : PROTO_OUT,
		.closes = closes,
	};
	buf_append(&all->bytes, bytes, size);
	if (all->bytes.failed) {
		all->bytes.failed = false;
		all->totals.dropped_bytes += size;
		return;
	}
	all->queued++;
	if (!connection->waiting++ && !connection->protocol)
		look_up_peer(connection, record->start);
}

void connections_address(struct connections *all, uint32_t process, const struct rt_record *record,
	const uint8_t *bytes, size_t size)
{
	peers_call(all->peers, process, record, bytes, size);
}

static int compare_waiting(const void *left, const void *right)
{
	const struct waiting *a = left, *b = right;

	if (a->ticks != b->ticks)
		return a->ticks < b->ticks ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool is_sorted(const struct connections *all)
{
	for (size_t i = 1; i < all->queued; i++)
		if (compare_waiting(&all->queue[i - 1], &all->queue[i]) > 0)
			return false;
	return true;
}

static void give_up(struct connection *connection, uint64_t ticks)
{
	close_connection(connection, ticks);
	connection->given_up = true;
	connection->all->steer(connection->all->context, connection->number, RT_STEER_OFF);
}

static void feed(struct connection *connection, enum proto_way way, const struct proto_piece *piece)
{
	if (connection->protocol->feed(connection->state, way, piece) == PROTO_NOT_MINE)
		give_up(connection, piece->ticks);
}

static void open_protocol(
	struct connection *connection, const struct protocol *protocol, uint64_t ticks)
{
	connection->state = calloc(1, protocol->state_size);
	if (!connection->state)
		return;
	connection->protocol = protocol;
	connection->all->totals.recognised++;
	look_up_peer(connection, ticks);
	protocol->open(connection->state, &connection->host);
}

/* Asks them all. True while there is no answer but more bytes may bring one. */
static bool probe(struct connection *connection, enum proto_way way, uint64_t ticks)
{
	const struct buf *seen = &connection->ways[way].probe;
	bool undecided = false;

	for (size_t i = 0; protocols[i]; i++) {
		switch (protocols[i]->probe(way, seen->data, seen->size)) {
		case PROTO_OK:
			open_protocol(connection, protocols[i], ticks);
			return false;
		case PROTO_NEED_MORE:
			undecided = true;
			break;
		case PROTO_NOT_MINE:
			break;
		}
	}
	return undecided && seen->size < PROBE_BYTES;
}

/*
 * The first bytes of each direction wait until a protocol claims the connection; they are then fed
 * with the moment of the piece that settled it, which is that of the first one but for odd splits.
 */
/* True where a rule of the user's has decided. */
static bool force(struct connection *connection, uint64_t ticks)
{
	const struct protocol *protocol;

	if (connection->is_asked || !connection->all->forced)
		return false;
	connection->is_asked = true;
	look_up_peer(connection, ticks);
	if (!forced_find(connection->all->forced, connection->peer.name, connection->peer.port,
		    &protocol))
		return false;
	if (protocol)
		open_protocol(connection, protocol, ticks);
	else
		give_up(connection, ticks);
	return true;
}

static void recognise(
	struct connection *connection, enum proto_way way, const struct proto_piece *piece)
{
	struct buf held;
	bool undecided;

	if (force(connection, piece->ticks)) {
		if (connection->protocol)
			feed(connection, way, piece);
		return;
	}
	buf_append(&connection->ways[way].probe, piece->bytes, piece->size);
	undecided = probe(connection, way, piece->ticks);
	if (connection->protocol) {
		for (int i = 0; i < 2 && connection->protocol; i++) {
			enum proto_way first = i ? way : !way;
			struct proto_piece again = *piece;

			held = connection->ways[first].probe;
			connection->ways[first].probe = (struct buf){0};
			again.bytes = held.data;
			again.size = held.size;
			again.position = connection->ways[first].position - held.size;
			if (held.size)
				feed(connection, first, &again);
			wipe(&held);
		}
	} else if (!undecided) {
		give_up(connection, piece->ticks);
	}
}

/* Of a large message the last bytes are copied when it is over, behind what else came meanwhile. */
static void deliver_late(
	struct connection *connection, const struct waiting *item, const struct proto_piece *piece)
{
	const struct protocol *protocol = connection->protocol;
	uint64_t back = connection->ways[item->way].position - item->position;

	if (protocol && protocol->late && back >= item->size)
		protocol->late(connection->state, item->way, back, piece);
	else
		connection->all->totals.dropped_bytes += item->size;
}

static void deliver(struct connections *all, const struct waiting *item)
{
	struct connection *connection = item->connection;
	struct way *way = &connection->ways[item->way];
	struct proto_piece piece = {
		.bytes = all->bytes.data + item->offset,
		.size = item->size,
		.ticks = item->ticks,
		.mark = item->mark,
		.thread = item->thread,
		.position = item->position,
	};

	if (item->closes) {
		close_connection(connection, item->ticks);
		connection->closed = true;
	}
	if (connection->given_up || connection->closed)
		return;
	if (item->position < way->position) {
		deliver_late(connection, item, &piece);
		return;
	}
	if (item->position > way->position && connection->protocol)
		connection->protocol->gap(
			connection->state, item->way, item->position - way->position, item->ticks);
	else if (item->position > way->position)
		wipe(&way->probe); /* what follows does not continue it */
	if (!item->position && sealed_begins(piece.bytes, piece.size))
		sealed_begun(&all->sealed, (uint32_t)(connection->key >> 32), item->thread);
	way->position = item->position + item->size;
	if (!item->size)
		return;
	if (connection->protocol)
		feed(connection, item->way, &piece);
	else
		recognise(connection, item->way, &piece);
}

static void forget(struct connections *all, struct connection *connection)
{
	map_remove(&all->by_number, connection->key);
	if (!connection->host.waiting) {
		free(connection);
		return;
	}
	connection->next = all->parted;
	all->parted = connection;
}

/* Frees those whose answers have come. */
static void sweep_parted(struct connections *all)
{
	for (struct connection **at = &all->parted; *at;) {
		struct connection *connection = *at;

		if (connection->host.waiting) {
			at = &connection->next;
			continue;
		}
		*at = connection->next;
		free(connection);
	}
}

/* Drops what has been delivered; the rest moves to the front. */
static void compact(struct connections *all, size_t delivered)
{
	struct buf rest = {0};

	for (size_t i = delivered; i < all->queued; i++) {
		struct waiting *item = &all->queue[i];
		size_t offset = rest.size;

		buf_append(&rest, all->bytes.data + item->offset, item->size);
		item->offset = offset;
		item->order = (uint32_t)(i - delivered);
		all->queue[i - delivered] = *item;
	}
	if (rest.failed) {
		all->totals.dropped_bytes += all->bytes.size;
		delivered = all->queued;
	}
	if (all->bytes.data)
		explicit_bzero(all->bytes.data, all->bytes.size);
	all->queued -= delivered;
	all->bytes.size = 0;
	buf_append(&all->bytes, rest.data, rest.failed ? 0 : rest.size);
	if (rest.data)
		explicit_bzero(rest.data, rest.size);
	buf_free(&rest);
}

void connections_settle(struct connections *all, uint64_t ticks)
{
	size_t delivered = 0;

	if (!all->queued)
		return;
	/* those of one thread alone come in order */
	if (!is_sorted(all))
		qsort(all->queue, all->queued, sizeof(*all->queue), compare_waiting);
	for (; delivered < all->queued && all->queue[delivered].ticks <= ticks; delivered++) {
		struct connection *connection = all->queue[delivered].connection;

		deliver(all, &all->queue[delivered]);
		connection->waiting--;
		if (connection->closed && !connection->waiting)
			forget(all, connection);
	}
	if (delivered)
		compact(all, delivered);
	sweep_parted(all);
}

static struct connection *connection_at(struct connections *all, size_t index)
{
	struct map_entry *entry = &all->by_number.entries[index];

	return entry->used ? (struct connection *)(uintptr_t)entry->value : NULL;
}

void connections_finish(struct connections *all, uint64_t ticks)
{
	connections_settle(all, UINT64_MAX);
	for (size_t i = 0; i < all->by_number.capacity; i++) {
		if (connection_at(all, i))
			close_connection(connection_at(all, i), ticks);
	}
	rpc_desk_free(all->desk, ticks);
	all->desk = NULL;
	for (size_t i = 0; i < all->by_number.capacity; i++) {
		free(connection_at(all, i));
		all->by_number.entries[i].value = 0;
	}
	sweep_parted(all);
}

void connections_handshake(struct connections *all, uint32_t process)
{
	sealed_known(&all->sealed, process);
}

void connections_tell(const struct connections *all, uint64_t now_ns)
{
	sealed_tell(&all->sealed, all->pack, now_ns);
}

void connections_totals(const struct connections *all, struct connections_totals *totals)
{
	*totals = all->totals;
}
