/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests are two sides of one, and which only look like it. */
#include "tests/unit/unit.h"

#include "decoder/join.c"

static int64_t parents[64];
static uint8_t evidences[64];

void store_set_parent(struct store *store, int64_t span, int64_t parent, uint8_t evidence)
{
	(void)store;
	parents[span] = parent;
	evidences[span] = evidence;
}

static struct joins *joins;
static struct objtab *objects;

static void start(void)
{
	joins = joins_new();
	objects = objtab_new();
	CHECK(joins && objects);
}

static uint32_t connection(const char *name, const char *local)
{
	uint32_t number = objtab_add(objects, 1, RT_OBJECT_socket, 3);
	uint32_t name_text = objtab_intern(objects, name, strlen(name));
	uint32_t local_text = objtab_intern(objects, local, strlen(local));
	struct object *object = objtab_get(objects, number);

	object->name = name_text;
	object->local = local_text;
	return number;
}

static void request(bool is_server, int64_t span, uint32_t object, uint64_t position,
	uint64_t begin, uint64_t end)
{
	struct join_request told = {.span = span,
		.object = object,
		.position = position,
		.start = begin,
		.end = end,
		.is_server = is_server};

	CHECK_EQ(joins_add(joins, &told), 0);
}

#define ASKS(...) request(false, __VA_ARGS__)
#define ANSWERS(...) request(true, __VA_ARGS__)

static void link_all(void)
{
	joins_link(joins, objects, NULL);
	joins_free(joins);
	objtab_free(objects);
}

TEST(both_ends_of_a_connection)
{
	uint32_t near, far;

	start();
	near = connection("127.0.0.1:80", "127.0.0.1:4000");
	far = connection("[::ffff:127.0.0.1]:4000", "[::]:80");
	ASKS(1, near, 0, 100, 200);
	ASKS(2, near, 70, 300, 400);
	ANSWERS(11, far, 0, 110, 190);
	ANSWERS(12, far, 70, 310, 390);
	link_all();
	CHECK_EQ(parents[11], 1);
	CHECK_EQ(parents[12], 2);
	CHECK_EQ(evidences[11], RT_EVIDENCE_exact);
}

/* The same four numbers again, later: each answer is to the request of its own time. */
TEST(a_port_that_comes_back)
{
	uint32_t near[2], far[2];

	start();
	for (int i = 0; i < 2; i++) {
		near[i] = connection("127.0.0.1:80", "127.0.0.1:4000");
		far[i] = connection("127.0.0.1:4000", "127.0.0.1:80");
	}
	ASKS(1, near[0], 0, 100, 200);
	ASKS(2, near[1], 0, 300, 400);
	ANSWERS(11, far[0], 0, 110, 190);
	ANSWERS(12, far[1], 0, 310, 390);
	link_all();
	CHECK_EQ(parents[11], 1);
	CHECK_EQ(parents[12], 2);
}

TEST(what_differs_stays_alone)
{
	uint32_t near, far, other;

	start();
	near = connection("127.0.0.1:80", "127.0.0.1:4000");
	far = connection("127.0.0.1:4000", "127.0.0.1:80");
	other = connection("127.0.0.1:4000", "127.0.0.1:81");
	ASKS(1, near, 0, 100, 200);
	ASKS(2, near, 70, 300, 400);
	ANSWERS(11, far, 30, 110, 190); /* another byte */
	ANSWERS(12, other, 0, 110, 190);
	link_all();
	CHECK_EQ(parents[11], 0);
	CHECK_EQ(parents[12], 0);
	start();
	near = connection("127.0.0.1:80", "127.0.0.1:4000");
	far = connection("127.0.0.1:4000", "127.0.0.1:80");
	ASKS(1, near, 0, 100, 200);
	ANSWERS(11, far, 0, 210, 220); /* too late */
	ANSWERS(12, far, 0, 90, 220);  /* too early */
	link_all();
	CHECK_EQ(parents[11], 0);
	CHECK_EQ(parents[12], 0);
}

/* Their clients have no names: one that fits them all is needed, and there must be one alone. */
TEST(unix_sockets)
{
	uint32_t near[2], far[2];

	start();
	for (int i = 0; i < 2; i++) {
		near[i] = connection("unix:/run/app", "");
		far[i] = connection("unix:(unnamed)", "unix:/run/app");
	}
	ASKS(1, near[0], 0, 100, 200);
	ASKS(2, near[1], 0, 100, 200);
	ASKS(3, near[1], 50, 300, 400);
	ANSWERS(11, far[0], 0, 110, 190); /* of either */
	ANSWERS(12, far[1], 0, 120, 190);
	ANSWERS(13, far[1], 50, 310, 390);
	link_all();
	CHECK_EQ(parents[11], 0);
	CHECK_EQ(parents[12], 2);
	CHECK_EQ(parents[13], 3);
	CHECK_EQ(evidences[13], RT_EVIDENCE_strong);
}

TEST(a_traceparent_that_both_have_read)
{
	struct join_request near = {
		.span = 1, .start = 100, .end = 200, .traceparent = "00-aa-bb-01"};
	struct join_request far = {.span = 11,
		.start = 110,
		.end = 190,
		.traceparent = "00-aa-bb-01",
		.is_server = true};
	struct join_request next = {.span = 12,
		.start = 110,
		.end = 190,
		.traceparent = "00-aa-cc-01",
		.is_server = true};

	start();
	CHECK_EQ(joins_add(joins, &near) | joins_add(joins, &far) | joins_add(joins, &next), 0);
	link_all();
	CHECK_EQ(parents[11], 1);
	CHECK_EQ(parents[12], 0);
}

UNIT_MAIN
