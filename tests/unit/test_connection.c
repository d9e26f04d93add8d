/* SPDX-License-Identifier: Apache-2.0 */
/* Marks of many threads in the order of time, recognised, given up, closed and forgotten. */
#include "tests/unit/unit.h"

#include "loader/stream/connection.c"

/*
 * A protocol for the test: a connection that begins with 'Q' is its own, "Q!" is not, and "!" later
 * loses it. It writes down all it is told.
 */
struct state {
	struct exchange_host *host;
};

static char told[4096];
static unsigned steered[8], steers, closes, opens;

static void tell(const char *text, size_t size)
{
	size_t used = strlen(told);

	if (used + size < sizeof(told))
		memcpy(told + used, text, size);
}

static enum proto_verdict talk_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	(void)way;
	if (*bytes != 'Q')
		return PROTO_NOT_MINE;
	return size < 2 ? PROTO_NEED_MORE : bytes[1] == '!' ? PROTO_NOT_MINE : PROTO_OK;
}

static void talk_open(void *state, struct exchange_host *host)
{
	struct state *talk = state;

	CHECK(!talk->host);
	talk->host = host;
	opens++;
}

static enum proto_verdict talk_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	(void)state;
	tell(way == PROTO_OUT ? ">" : "<", 1);
	tell((const char *)piece->bytes, piece->size);
	return memchr(piece->bytes, '!', piece->size) ? PROTO_NOT_MINE : PROTO_OK;
}

static void talk_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	char text[32];

	(void)state;
	(void)ticks;
	snprintf(text, sizeof(text), "[%s%llu]", way == PROTO_OUT ? "" : "<",
		(unsigned long long)size);
	tell(text, strlen(text));
}

static void talk_close(void *state, uint64_t ticks)
{
	(void)state;
	(void)ticks;
	tell("|", 1);
	closes++;
}

static const struct protocol talk = {
	.name = "talk",
	.state_size = sizeof(struct state),
	.probe = talk_probe,
	.open = talk_open,
	.feed = talk_feed,
	.gap = talk_gap,
	.close = talk_close,
};

const struct protocol *const protocols[] = {&talk, NULL};

void pack_exchange(struct pack *pack, uint32_t connection, int fd, const struct exchange *exchange)
{
	(void)pack;
	(void)connection;
	(void)fd;
	(void)exchange;
}

static void steer(void *context, uint32_t number, unsigned how)
{
	(void)context;
	CHECK_EQ(how, RT_STEER_OFF);
	steered[steers++ % 8] = number;
}

static void send(struct connections *all, uint32_t process, uint32_t thread, uint32_t number,
	enum proto_way way, uint64_t ticks, uint64_t position, const char *text)
{
	struct rt_record record = {
		.start = ticks,
		.arg = (uint64_t)number << 32 | 5,
		.result = (int64_t)(position << 1 | (way == PROTO_IN)),
	};

	connections_data(all, process, thread, &record, (const uint8_t *)text, strlen(text),
		way == PROTO_OUT ? RT_TAIL_DATA_OUT : RT_TAIL_DATA_IN);
}

static void shut(struct connections *all, uint32_t process, uint32_t number, uint64_t ticks)
{
	struct rt_record record = {.start = ticks, .arg = (uint64_t)number << 32 | 5, .result = -1};

	connections_data(all, process, 1, &record, NULL, 0, 0);
}

static struct connections *start(void)
{
	struct connections *all = connections_new(NULL, steer, NULL);

	CHECK(all);
	return all;
}

/* Chunks of several threads come one after the other, whatever the time of what is in them. */
TEST(order_across_threads)
{
	struct connections *all = start();

	send(all, 1, 1, 7, PROTO_OUT, 10, 0, "Qab");
	send(all, 1, 1, 7, PROTO_OUT, 30, 3, "cd");
	send(all, 1, 2, 7, PROTO_IN, 20, 0, "12");
	send(all, 1, 2, 7, PROTO_IN, 40, 2, "34");
	connections_settle(all, 25);
	CHECK_STR(told, ">Qab<12");
	shut(all, 1, 7, 50);
	connections_settle(all, 100);
	CHECK_STR(told, ">Qab<12>cd<34|");
	connections_free(all);
	CHECK_EQ(closes, 1);
}

TEST(equal_ticks_keep_their_order)
{
	struct connections *all = start();

	send(all, 1, 1, 7, PROTO_OUT, 10, 0, "Qa");
	for (unsigned i = 0; i < 5; i++)
		send(all, 1, 1, 7, PROTO_OUT, 10, 2 + i, (const char[]){(char)('b' + i), '\0'});
	connections_settle(all, 10);
	CHECK_STR(told, ">Qa>b>c>d>e>f");
	connections_free(all);
}

/* What was held back while nothing claimed the connection is not lost. */
TEST(probes_until_claimed)
{
	struct connections *all = start();
	struct connections_totals totals;

	send(all, 1, 1, 7, PROTO_OUT, 10, 0, "Q");
	connections_settle(all, 10);
	CHECK_STR(told, "");
	send(all, 1, 1, 7, PROTO_OUT, 11, 1, "uestion");
	connections_settle(all, 11);
	CHECK_STR(told, ">Question");
	connections_totals(all, &totals);
	CHECK_EQ(totals.connections, 1);
	CHECK_EQ(totals.recognised, 1);
	CHECK_EQ(totals.bytes, 8);
	connections_free(all);
}

/* Bytes on both sides of a gap are not taken for one beginning. */
TEST(gap_before_claimed)
{
	struct connections *all = start();

	send(all, 1, 1, 7, PROTO_OUT, 10, 0, "Q");
	send(all, 1, 1, 7, PROTO_OUT, 11, 50, "Qb");
	connections_settle(all, 20);
	CHECK_STR(told, ">Qb");
	connections_free(all);
}

TEST(gaps_and_repeats)
{
	struct connections *all = start();
	struct connections_totals totals;

	send(all, 1, 1, 7, PROTO_OUT, 10, 0, "Qab");
	send(all, 1, 1, 7, PROTO_OUT, 11, 8, "cd");
	send(all, 1, 1, 7, PROTO_OUT, 12, 9, "xyz");
	send(all, 1, 1, 7, PROTO_IN, 13, 4, "12");
	connections_settle(all, 20);
	CHECK_STR(told, ">Qab[5]>cd[<4]<12");
	connections_totals(all, &totals);
	CHECK_EQ(totals.dropped_bytes, 3);
	connections_free(all);
}

/* What was not copied is told when it is known, not when the next bytes come. */
TEST(come_so_far)
{
	struct connections *all = start();
	struct rt_record record = {.start = 11, .arg = 7ull << 32 | 5, .result = 500 << 1};

	send(all, 1, 1, 7, PROTO_OUT, 10, 0, "Qab");
	connections_data(all, 1, 1, &record, NULL, 0, 0);
	connections_settle(all, 20);
	CHECK_STR(told, ">Qab[497]");
	send(all, 1, 1, 7, PROTO_OUT, 21, 500, "cd");
	connections_settle(all, 30);
	CHECK_STR(told, ">Qab[497]>cd");
	connections_free(all);
}

/* Nobody's connection is turned off, once, and what still comes of it is not kept. */
TEST(give_up)
{
	struct connections *all = start();
	struct connections_totals totals;

	send(all, 1, 1, 7, PROTO_OUT, 10, 0, "hello");
	send(all, 1, 1, 7, PROTO_OUT, 11, 5, "Qab");
	connections_settle(all, 20);
	send(all, 1, 1, 7, PROTO_OUT, 21, 8, "Qab");
	CHECK_EQ(all->queued, 0);
	connections_settle(all, 30);
	CHECK_STR(told, "");
	CHECK_EQ(steers, 1);
	CHECK_EQ(steered[0], 7);
	connections_totals(all, &totals);
	CHECK_EQ(totals.recognised, 0);
	connections_free(all);
}

TEST(give_up_later)
{
	struct connections *all = start();

	send(all, 1, 1, 9, PROTO_OUT, 10, 0, "Qab");
	send(all, 1, 1, 9, PROTO_OUT, 11, 3, "c!d");
	send(all, 1, 1, 9, PROTO_OUT, 12, 6, "efg");
	connections_settle(all, 20);
	CHECK_STR(told, ">Qab>c!d|");
	CHECK_EQ(steers, 1);
	CHECK_EQ(steered[0], 9);
	connections_free(all);
	CHECK_EQ(closes, 1);
}

/* A byte stream that never decides is not held for ever. */
TEST(undecided_without_end)
{
	struct connections *all = start();

	send(all, 1, 1, 7, PROTO_OUT, 10, 0, "Q");
	for (unsigned i = 0; i < 3 * PROBE_BYTES; i++) {
		send(all, 1, 1, 7, PROTO_IN, 11 + i, i, "x");
		connections_settle(all, 11 + i);
	}
	CHECK_EQ(steers, 1);
	connections_free(all);
}

/* A closed connection leaves nothing; its number may come again, and be another process's. */
TEST(close_and_number_again)
{
	struct connections *all = start();

	for (unsigned round = 0; round < 1000; round++) {
		uint64_t ticks = round * 10 + 10;

		told[0] = '\0';
		memset(told, 0, sizeof(told));
		send(all, 1, 1, 7, PROTO_OUT, ticks, 0, "Qab");
		send(all, 2, 1, 7, PROTO_OUT, ticks + 1, 0, "Qcd");
		shut(all, 1, 7, ticks + 3);
		send(all, 1, 2, 7, PROTO_IN, ticks + 2, 0, "12");
		connections_settle(all, ticks + 4);
		CHECK_STR(told, ">Qab>Qcd<12|");
		shut(all, 2, 7, ticks + 5);
		connections_settle(all, ticks + 5);
	}
	CHECK_EQ(opens, 2000);
	CHECK_EQ(closes, 2000);
	CHECK_EQ(all->by_number.count, 0);
	connections_free(all);
	CHECK_EQ(closes, 2000);
}

/* What a closed connection still has in the queue is dropped with it, not used after. */
TEST(marks_after_close)
{
	struct connections *all = start();

	send(all, 1, 1, 7, PROTO_OUT, 10, 0, "Qab");
	shut(all, 1, 7, 20);
	send(all, 1, 2, 7, PROTO_OUT, 30, 3, "cd");
	shut(all, 1, 7, 40);
	connections_settle(all, 25);
	CHECK_STR(told, ">Qab|");
	CHECK_EQ(all->by_number.count, 1);
	connections_settle(all, 100);
	CHECK_STR(told, ">Qab|");
	CHECK_EQ(all->by_number.count, 0);
	connections_free(all);
}

/* Without room bytes are dropped and counted; that a connection closed is told all the same. */
TEST(huge_queue)
{
	static char text[(1 << 20) + 1];
	struct connections *all = start();
	struct connections_totals totals;
	uint64_t position = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[0] = 'Q';
	for (unsigned i = 0; i < 80; i++, position += sizeof(text) - 1)
		send(all, 1, 1, 7, PROTO_OUT, 10 + i, position, text);
	shut(all, 1, 7, 200);
	connections_totals(all, &totals);
	CHECK_EQ(totals.bytes, 80 << 20);
	CHECK_EQ(totals.dropped_bytes, (80 << 20) - QUEUE_BYTES);
	connections_settle(all, 300);
	CHECK_EQ(opens, 1);
	CHECK_EQ(closes, 1);
	CHECK_EQ(all->queued, 0);
	CHECK_EQ(all->bytes.size, 0);
	connections_free(all);
}

TEST(many_small_marks)
{
	struct connections *all = start();
	struct connections_totals totals;

	for (unsigned i = 0; i < QUEUE_MARKS + 1000; i++)
		send(all, 1, 1, 7, PROTO_OUT, 10 + i, i, "Q");
	shut(all, 1, 7, QUEUE_MARKS + 2000);
	connections_totals(all, &totals);
	CHECK_EQ(totals.dropped_bytes, 1000);
	CHECK_EQ(all->queued, QUEUE_MARKS + 1);
	connections_settle(all, UINT64_MAX);
	CHECK_EQ(closes, 1);
	connections_free(all);
}

/* Connections that are open at the end are closed then; none of the bytes stays in memory. */
TEST(finish)
{
	struct connections *all = start();

	for (uint32_t number = 1; number <= 100; number++)
		send(all, 1, 1, number, PROTO_OUT, 10 + number, 0, "Qab");
	connections_settle(all, 1000);
	CHECK_EQ(memcmp(all->bytes.data, (const char[3]){0}, 3), 0);
	connections_finish(all, 2000);
	CHECK_EQ(closes, 100);
	connections_free(all);
	CHECK_EQ(closes, 100);
}

UNIT_MAIN
