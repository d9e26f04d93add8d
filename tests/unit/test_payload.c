/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes of a connection are copied: caps, tails, HTTP/2 frames, steering, sessions. */
#include "tests/unit/unit.h"

#include "preload/payload.c"
#include "preload/payload_http2.c"
#include "preload/payload_straight.c"
#include "preload/payload_tail.c"
#include "preload/raw.c"
#include "preload/tls_join.c"

/* What the excerpts say of each direction: the byte at each position, or -1. */
#define STREAM 65536
static int seen[2][STREAM];
static __s64 come_to[2]; /* without a copy */
static __u64 moment;
static unsigned marks, closed, connection_number, layer;

static struct rt_region *region;
static struct rt_slot slot;
static struct rt_thread thread = {.slot = &slot};
struct rt_region *rt_region;
__thread struct rt_self rt_self;
ptrdiff_t rt_self_offset;

void mark_emit(unsigned kind, __u64 arg, __s64 result, const struct rt_bytes *tail)
{
	mark_emit_at(kind, arg, result, tail, 0);
}

void mark_emit_at(unsigned kind, __u64 arg, __s64 result, const struct rt_bytes *tail, __u64 ticks)
{
	int *stream;

	CHECK_EQ(kind, RT_EV_data);
	moment = ticks;
	if (!tail) {
		if (result == -1)
			closed++;
		else
			come_to[result & 1] = result >> 1;
		return;
	}
	stream = seen[tail->type == RT_TAIL_DATA_IN];
	CHECK_EQ(result & 1, tail->type == RT_TAIL_DATA_IN);
	result >>= 1;
	CHECK(tail->size && tail->size <= RT_TAIL_MAX);
	marks++;
	connection_number = (unsigned)(arg >> 32);
	layer = tail->info;
	for (unsigned i = 0; i < tail->size && result + i < STREAM; i++) {
		CHECK_EQ(stream[result + i], -1);
		stream[result + i] = ((const __u8 *)tail->data)[i];
	}
}

static bool is_guest;

bool process_is_guest(void)
{
	return is_guest;
}

static __u8 bytes[STREAM];

static void set_up(unsigned cap)
{
	free(region);
	region = aligned_alloc(64, sizeof(*region));
	memset(region, 0, sizeof(*region));
	rt_region = region;
	rt_self.thread = &thread;
	region->payload_cap = cap;
	memset(seen, -1, sizeof(seen));
	for (unsigned i = 0; i < STREAM; i++)
		bytes[i] = (__u8)(i * 7 + i / 251);
	payload_init();
	payload_open(5);
}

static unsigned copied(unsigned way, unsigned from, unsigned to)
{
	unsigned count = 0;

	for (unsigned i = from; i < to; i++)
		count += seen[way][i] >= 0;
	return count;
}

TEST(short_messages_are_whole)
{
	set_up(1000);
	payload_moved(5, PAYLOAD_OUT, bytes, 300, 0);
	payload_moved(5, PAYLOAD_IN, bytes, 700, 0);
	payload_moved(5, PAYLOAD_OUT, bytes + 300, 900, 0);
	CHECK_EQ(copied(0, 0, 1200), 1200);
	CHECK_EQ(copied(1, 0, 700), 700);
	CHECK_EQ(slot.cut_bytes, 0);
	for (unsigned i = 0; i < 1200; i++)
		CHECK_EQ(seen[0][i], bytes[i]);
}

TEST(long_messages_keep_both_ends)
{
	set_up(1000);
	for (unsigned at = 0; at < 30000; at += 500)
		payload_moved(5, PAYLOAD_IN, bytes + at, 500, 0);
	CHECK_EQ(copied(1, 0, 30000), 1000);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(copied(1, 0, 1000), 1000);
	CHECK_EQ(copied(1, 30000 - PAYLOAD_TAIL, 30000), PAYLOAD_TAIL);
	CHECK_EQ(copied(1, 0, 30000), 1000 + PAYLOAD_TAIL);
	CHECK_EQ(slot.cut_bytes, 30000 - 1000 - PAYLOAD_TAIL);
	for (unsigned i = 30000 - PAYLOAD_TAIL; i < 30000; i++)
		CHECK_EQ(seen[1][i], bytes[i]);
	payload_moved(5, PAYLOAD_IN, bytes, 1000, 0);
	CHECK_EQ(copied(1, 30000, 31000), 1000);
}

TEST(one_huge_read)
{
	set_up(100);
	payload_moved(5, PAYLOAD_IN, bytes, 60000, 0);
	payload_close(5);
	CHECK_EQ(copied(1, 0, 100), 100);
	CHECK_EQ(copied(1, 60000 - PAYLOAD_TAIL, 60000), PAYLOAD_TAIL);
	CHECK_EQ(slot.cut_bytes, 60000 - 100 - PAYLOAD_TAIL);
	CHECK_EQ(closed, 1);
}

static struct rt_chunk chunk;
static unsigned straight; /* calls that told of themselves and of their bytes in one go */

/* As the hooks do it. True: in one go. */
static bool move_straight(unsigned way, const __u8 *data, size_t size)
{
	struct rt_call call = {
		.thread = &thread, .kind = RT_EV_read, .start = tsc_read(), .depth = 3};
	struct rt_record *record = chunk.records;
	struct rt_tail *tail = (struct rt_tail *)(record + 2);
	struct iovec parts[] = {{(void *)data, size / 3}, {(void *)(data + size / 3), size}};
	struct rt_bytes piece;

	thread.chunk = &chunk;
	thread.next = chunk.records;
	thread.limit = chunk.records + RT_CHUNK_RECORDS;
	if (!payload_leavesv(&call, 5, way, parts, (ssize_t)size))
		return false;
	straight++;
	CHECK_EQ(chunk.head, 2 + RT_TAIL_SLOTS(size));
	CHECK(thread.next == record + chunk.head && !thread.busy && slot.depth == 3);
	CHECK(record->kind == RT_EV_read && record->arg == 5 && record->result == (__s64)size);
	CHECK(record[1].flags == RT_FLAG_TAIL && record[1].depth == 3);
	CHECK_EQ(record[1].start, call.start + (way == PAYLOAD_IN ? record->duration : 0));
	piece = (struct rt_bytes){
		.data = tail->bytes, .size = tail->size, .type = tail->type, .info = tail->info};
	mark_emit_at(record[1].kind, record[1].arg, record[1].result, &piece, 0);
	return true;
}

/* A talk in pieces of all sizes, beyond the cap too, is told the same either way. */
TEST(the_straight_path_says_the_same)
{
	static int expected[2][STREAM];
	__u64 cut[2];

	for (unsigned pass = 0; pass < 2; pass++) {
		unsigned way = 0, at[2] = {0}, dice = 1;

		slot.cut_bytes = 0;
		set_up(9000);
		while (at[0] < STREAM - 5000 && at[1] < STREAM - 5000) {
			size_t size;

			dice = dice * 1103515245 + 12345;
			size = (dice >> 16) % ((dice >> 8) % 3 ? 60 : 4900) + 1;
			if (!pass || !move_straight(way, bytes + at[way], size))
				payload_moved(5, way, bytes + at[way], (ssize_t)size, 0);
			at[way] += (unsigned)size;
			way ^= (dice >> 20) % 4 == 0;
		}
		payload_close(5);
		cut[pass] = slot.cut_bytes;
		if (!pass)
			memcpy(expected, seen, sizeof(seen));
	}
	CHECK_EQ(memcmp(expected, seen, sizeof(seen)), 0);
	CHECK(cut[0] == cut[1] && cut[0]);
	CHECK(straight > 10);
}

static unsigned put_frame(__u8 *at, unsigned type, unsigned flags, unsigned size)
{
	memset(at, 0x40 + (int)type, HTTP2_HEAD + size);
	at[0] = (__u8)(size >> 16);
	at[1] = (__u8)(size >> 8);
	at[2] = (__u8)size;
	at[3] = (__u8)type;
	at[4] = (__u8)flags;
	return HTTP2_HEAD + size;
}

/* HEADERS, much DATA, trailers: fed in pieces of every size. */
TEST(http2_loses_data_only)
{
	static __u8 stream[STREAM];
	unsigned size = 0, data_from, data_to;

	size += put_frame(stream, 4, 0, 12);
	size += put_frame(stream + size, 1, 4, 40);
	data_from = size;
	for (int i = 0; i < 20; i++)
		size += put_frame(stream + size, 0, 0, 1000);
	data_to = size;
	size += put_frame(stream + size, 1, 5, 30);
	for (unsigned piece = 1; piece < 3000; piece += piece < 30 ? 1 : 997) {
		set_up(500);
		payload_moved(5, PAYLOAD_OUT, HTTP2_PREFACE, HTTP2_PREFACE_SIZE, 0);
		for (unsigned at = 0; at < size; at += piece)
			payload_moved(5, PAYLOAD_IN, stream + at,
				piece < size - at ? piece : size - at, 0);
		CHECK_EQ(copied(1, 0, data_from), data_from);
		CHECK_EQ(copied(1, data_to, size), size - data_to);
		for (unsigned head = data_from; head < data_to; head += 1009)
			CHECK_EQ(copied(1, head, head + HTTP2_HEAD), HTTP2_HEAD);
		CHECK(copied(1, data_from, data_to) < 500 + PAYLOAD_TAIL + 20 * HTTP2_HEAD);
		CHECK_EQ(copied(1, data_to - 1000, data_to), 1000);
		for (unsigned i = 0; i < size; i++)
			CHECK(seen[1][i] < 0 || seen[1][i] == stream[i]);
		payload_close(5);
	}
}

TEST(steering_turns_down)
{
	set_up(1000);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	region->steer[connection_number] = RT_STEER_OFF;
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(marks, 1);
	CHECK_EQ(slot.cut_bytes, 0);
}

TEST(sockets_are_told_from_files_and_each_other)
{
	unsigned first;

	set_up(1000);
	payload_moved(6, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(marks, 0);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	first = connection_number;
	payload_close(5);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(marks, 1);
	payload_open(5);
	memset(seen, -1, sizeof(seen));
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	CHECK(connection_number != first);
	CHECK_EQ(copied(0, 0, 10), 10);
}

TEST(tls_takes_the_place_of_its_socket)
{
	const void *session = (void *)0x1234560;

	set_up(1000);
	payload_tls(session, 5, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(layer, RT_DATA_PLAIN_OF_TLS);
	payload_moved(5, PAYLOAD_OUT, bytes, 50, 0);
	CHECK_EQ(marks, 1);
	payload_tls_close(session);
	for (uintptr_t i = 0; i < PAYLOAD_SESSIONS * 2; i++) {
		payload_tls((void *)(i * 64 + 64), -1, PAYLOAD_IN, bytes, 1, 0);
		payload_tls_close((void *)(i * 64 + 64));
		memset(seen[1], -1, sizeof(int));
	}
	CHECK_EQ(marks, 1 + PAYLOAD_SESSIONS * 2);
}

TEST(tails_run_out_and_come_back)
{
	set_up(10);
	for (int fd = 10; fd < 10 + PAYLOAD_TAILS + 5; fd++) {
		payload_open(fd);
		payload_moved(fd, PAYLOAD_OUT, bytes, 10 + 20, 0);
		memset(seen, -1, sizeof(seen));
	}
	CHECK_EQ(slot.cut_bytes, 5 * 20);
	for (int fd = 10; fd < 10 + PAYLOAD_TAILS + 5; fd++) {
		payload_close(fd);
		memset(seen, -1, sizeof(seen));
	}
	payload_open(9);
	payload_moved(9, PAYLOAD_OUT, bytes, 30, 0);
	payload_close(9);
	CHECK_EQ(copied(0, 0, 30), 30);
}

TEST(skipped_bytes_move_the_stream)
{
	set_up(1000);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	payload_skipped(5, PAYLOAD_OUT, 500);
	CHECK_EQ(come_to[PAYLOAD_OUT], 510);
	CHECK_EQ(slot.cut_bytes, 500);
	payload_moved(5, PAYLOAD_OUT, bytes + 510, 10, 0);
	CHECK_EQ(copied(0, 0, 10), 10);
	CHECK_EQ(copied(0, 510, 520), 10);
	payload_skipped(5, PAYLOAD_IN, -1);
	payload_skipped(6, PAYLOAD_IN, 5);
	CHECK_EQ(come_to[PAYLOAD_IN], 0);
}

/* Reading by one descriptor, writing by the other; the original is closed first, or the copy. */
TEST(a_copy_is_the_same_connection)
{
	unsigned number;

	set_up(1000);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	number = connection_number;
	payload_shared(5, 9);
	payload_moved(9, PAYLOAD_OUT, bytes + 10, 10, 0);
	CHECK_EQ(connection_number, number);
	payload_close(5);
	CHECK_EQ(closed, 0);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	payload_moved(9, PAYLOAD_OUT, bytes + 20, 10, 0);
	CHECK_EQ(connection_number, number);
	payload_shared(9, 12);
	payload_close(12);
	payload_moved(12, PAYLOAD_OUT, bytes, 10, 0);
	payload_moved(9, PAYLOAD_OUT, bytes + 30, 10, 0);
	CHECK_EQ(copied(0, 0, 40), 40);
	CHECK_EQ(marks, 4);
	payload_close(9);
	CHECK_EQ(closed, 1);
}

TEST(more_copies_than_one_are_not_followed)
{
	set_up(1000);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	payload_shared(5, 9);
	payload_shared(9, 10);
	payload_moved(9, PAYLOAD_OUT, bytes, 10, 0);
	payload_moved(10, PAYLOAD_OUT, bytes, 10, 0);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(marks, 1);
	payload_close(5);
	payload_close(9);
	CHECK_EQ(closed, 1);
	payload_shared(5, 70000);
	payload_open(5);
	payload_shared(5, 70000);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(marks, 1);
}

/* A copy made over a connection ends that one. */
TEST(a_copy_over_another)
{
	set_up(1000);
	payload_open(6);
	payload_moved(6, PAYLOAD_OUT, bytes, 10, 0);
	payload_shared(5, 6);
	CHECK_EQ(closed, 1);
	memset(seen, -1, sizeof(seen));
	payload_moved(6, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(marks, 2);
	payload_open(6);
	payload_moved(5, PAYLOAD_OUT, bytes + 10, 10, 0);
	CHECK_EQ(copied(0, 0, 20), 20);
}

TEST(what_is_sent_counts_from_its_call)
{
	set_up(1000);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 12345);
	CHECK_EQ(moment, 12345);
	payload_moved(5, PAYLOAD_IN, bytes, 10, 0);
	CHECK_EQ(moment, 0);
}

static struct sockaddr_in peer_at(unsigned port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((__u16)port)};
}

TEST(datagrams_to_port_53_with_their_lengths)
{
	struct sockaddr_in other = peer_at(54), resolver = peer_at(53);
	struct iovec parts[] = {{bytes, 100}, {bytes + 100, 200}};

	set_up(1000);
	payload_datagrams(6);
	payload_named(6, &other, sizeof(other));
	payload_moved(6, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(copied(0, 0, 20), 0);
	payload_named(6, &resolver, sizeof(resolver));
	payload_movedv(6, PAYLOAD_OUT, parts, 2, 300, 0);
	payload_moved(6, PAYLOAD_IN, bytes, 7, 0);
	payload_skipped(6, PAYLOAD_IN, 5000);
	CHECK_EQ(copied(0, 0, 400), 302);
	CHECK_EQ(seen[0][0], 300 >> 8);
	CHECK_EQ(seen[0][1], 300 & 0xff);
	CHECK_EQ(seen[0][301], bytes[299]);
	CHECK_EQ(copied(1, 0, 20), 9);
	CHECK_EQ(seen[1][1], 7);
	CHECK_EQ(come_to[1], 0);
	payload_close(6);
	payload_moved(6, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(copied(0, 0, 400), 302);
}

TEST(streams_to_port_53_are_streams)
{
	struct sockaddr_in resolver = peer_at(53);

	set_up(1000);
	payload_named(5, &resolver, sizeof(resolver));
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	CHECK_EQ(copied(0, 0, 20), 10);
}

TEST(what_a_vfork_child_does_is_not_ours)
{
	set_up(1000);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	is_guest = true;
	payload_shared(5, 0);
	payload_moved(5, PAYLOAD_OUT, bytes, 10, 0);
	payload_close(5);
	payload_open(5);
	is_guest = false;
	payload_moved(5, PAYLOAD_OUT, bytes + 10, 10, 0);
	CHECK_EQ(copied(0, 0, 40), 20);
	CHECK_EQ(seen[0][19], bytes[19]);
}

UNIT_MAIN
