/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL: which answer is whose, names resolved, and nothing of anybody's data. */
#include "tests/unit/proto_host.h"

static struct proto_turn talk[64];
static size_t turns;

/* Messages of one direction in a row are one turn. */
static void put(enum proto_way way, char type, const char *body, size_t size)
{
	struct proto_turn *turn = turns ? &talk[turns - 1] : NULL;
	uint32_t length = (uint32_t)size + 4;
	uint8_t head[5] = {(uint8_t)type, (uint8_t)(length >> 24), (uint8_t)(length >> 16),
		(uint8_t)(length >> 8), (uint8_t)length};
	char *bytes;

	if (!turn || turn->way != way || !turn->bytes) {
		turn = &talk[turns++];
		proto_turn_renew(turn, way, NULL, 0);
	}
	bytes = malloc(turn->size + 5 + size);
	if (turn->size)
		memcpy(bytes, turn->bytes, turn->size);
	memcpy(bytes + turn->size, head + !type, 5 - !type);
	memcpy(bytes + turn->size + 5 - !type, body, size);
	free((void *)turn->bytes);
	turn->bytes = bytes;
	turn->size += size + 5 - !type;
}

static void put_raw(enum proto_way way, const char *bytes, size_t size)
{
	proto_turn_renew(&talk[turns++], way, memcpy(malloc(size), bytes, size), size);
}

#define SAY(type, body) put(PROTO_OUT, type, body, sizeof(body) - 1)
#define HEAR(type, body) put(PROTO_IN, type, body, sizeof(body) - 1)

#define DB "db.system.name=postgresql db.namespace=shop"
#define SELECT_ITEMS \
	"db.query.text=SELECT * FROM items db.operation.name=SELECT db.collection.name=items"

static void start(void)
{
	turns = 0;
	SAY(0, "\0\3\0\0user\0alice\0database\0shop\0options\0SECRET\0\0");
	HEAR('R', "\0\0\0\3");
	SAY('p', "SECRET\0");
	HEAR('R', "\0\0\0\0");
	HEAR('S', "TimeZone\0SECRET\0");
	HEAR('K', "\0\0\0\1SECR");
	HEAR('Z', "I");
}

#define CHECK_TALK(expected) proto_check(&protocol_postgres, talk, turns, expected)

TEST(simple_queries)
{
	start();
	SAY('Q', "SELECT * FROM items WHERE name = 'SECRET' LIMIT 2\0");
	HEAR('T', "\0\1name\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	HEAR('D', "\0\1\0\0\0\6SECRET");
	HEAR('D', "\0\1\0\0\0\6SECRET");
	HEAR('C', "SELECT 2\0");
	HEAR('Z', "I");
	SAY('Q', "INSERT INTO items VALUES (1, 'SECRET'); DELETE FROM items\0");
	HEAR('N', "SNOTICE\0MSECRET\0\0");
	HEAR('C', "INSERT 0 1\0");
	HEAR('C', "DELETE 41\0");
	HEAR('Z', "I");
	SAY('Q', "SELECT * FROM items\0");
	HEAR('C', "SELECT 0\0");
	HEAR('Z', "I");
	SAY('Q', "\0");
	HEAR('I', "");
	HEAR('Z', "I");
	SAY('X', "");
	CHECK_TALK(
		"SELECT items | 8 | " DB " db.query.text=SELECT * FROM items WHERE name = ? "
		"LIMIT ? db.operation.name=SELECT db.collection.name=items "
		"db.response.returned_rows=2 | 55/84\n"
		"INSERT items | 8 | " DB " db.query.text=INSERT INTO items VALUES(?); "
		"DELETE FROM items db.operation.name=INSERT db.collection.name=items "
		"ragtime.affected_rows=42 | 63/59\n"
		"SELECT items | 8 | " DB " " SELECT_ITEMS " db.response.returned_rows=0 | 25/20\n"
		"SQL | 8 | " DB " db.query.text= | 6/11\n");
}

TEST(an_error_tells_its_code_alone)
{
	start();
	SAY('Q', "SELECT * FROM items\0");
	HEAR('E', "SERROR\0C23505\0Mkey (SECRET) exists\0DSECRET\0\0");
	HEAR('Z', "I");
	SAY('Q', "SELECT * FROM items\0");
	HEAR('E', "SFATAL\0CSECRET\0MSECRET\0\0");
	CHECK_TALK("SELECT items | 8 | failed | " DB " " SELECT_ITEMS
		   " db.response.status_code=23505 error.type=23505 | 25/55\n"
		   "SELECT items | 8 | failed | " DB " " SELECT_ITEMS
		   " error.type=connection_closed | 25/29\n");
}

TEST(prepared_once_and_used_again)
{
	start();
	SAY('P', "one\0SELECT * FROM items WHERE a = $1 LIMIT $2\0\0\0");
	SAY('D', "Sone\0");
	SAY('H', "");
	HEAR('1', "");
	HEAR('t', "\0\0");
	HEAR('n', "");
	SAY('B', "\0one\0\0\0\0\2\0\0\0\6SECRET\0\0\0\1\x35\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('S', "");
	HEAR('2', "");
	HEAR('D', "\0\1\0\0\0\6SECRET");
	HEAR('C', "SELECT 1\0");
	HEAR('Z', "I");
	SAY('B', "\0one\0\0\0\0\0\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('C', "Sone\0");
	SAY('S', "");
	HEAR('2', "");
	HEAR('C', "SELECT 0\0");
	HEAR('3', "");
	HEAR('Z', "I");
	SAY('B', "\0one\0\0\0\0\0\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('S', "");
	HEAR('E', "C26000\0\0");
	HEAR('Z', "I");
#define PREPARED                                                                             \
	"SELECT items | 8 | " DB " db.query.text=SELECT * FROM items WHERE a = $1 LIMIT $2 " \
	"db.operation.name=SELECT db.collection.name=items ragtime.prepared=yes "
	CHECK_TALK(PREPARED "db.response.returned_rows=1 | 46/36\n" PREPARED
			    "db.response.returned_rows=0 | 31/19\n"
			    "EXECUTE | 8 | failed | " DB " db.response.status_code=26000 "
			    "error.type=26000 | 31/13\n");
}

TEST(content_is_statements_and_values)
{
	start();
	SAY('P', "one\0SELECT * FROM items WHERE a = $1 AND b = 'x'\0\0\0");
	SAY('B', "\0one\0\0\1\0\1\0\3\0\0\0\4it's\377\377\377\377\0\0\0\4\0\0\0\7\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('S', "");
	HEAR('1', "");
	HEAR('2', "");
	HEAR('C', "SELECT 0\0");
	HEAR('Z', "I");
	SAY('Q', "SELECT 'y'\0");
	HEAR('C', "SELECT 1\0");
	HEAR('Z', "I");
	proto_keeps_content = true;
	CHECK_TALK("SELECT items | 8 | " DB
		   " db.query.text=SELECT * FROM items WHERE a = $1 AND b = ? "
		   "db.operation.name=SELECT db.collection.name=items ragtime.prepared=yes "
		   "db.response.returned_rows=0 <SELECT * FROM items WHERE a = $1 AND b = 'x'> "
		   "<('it''s', NULL, 0x00000007)> | 109/24\n"
		   "SELECT | 8 | " DB " db.query.text=SELECT ? db.operation.name=SELECT "
		   "db.response.returned_rows=0 <SELECT 'y'> | 16/20\n");
	proto_keeps_content = false;
}

/* LIMIT as a number, a text parameter, a binary one; and pgvector's operators make a search. */
TEST(vector_searches_say_k)
{
	start();
	SAY('Q', "SELECT id FROM docs ORDER BY v <=> '[SECRET]' LIMIT 5\0");
	HEAR('C', "SELECT 5\0");
	HEAR('Z', "I");
	SAY('P', "\0SELECT id FROM docs ORDER BY v <-> $1 LIMIT $2\0\0\0");
	SAY('B', "\0\0\0\0\0\2\0\0\0\6SECRET\0\0\0\2\x31\x30\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('B', "\0\0\0\2\0\0\0\1\0\2\0\0\0\6SECRET\0\0\0\4\0\0\1\0\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('B', "\0\0\0\1\0\1\0\2\0\0\0\6SECRET\0\0\0\x8\0\0\0\0\0\0\0\7\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('B', "\0\0\0\0\0\2\0\0\0\6SECRET\xff\xff\xff\xff\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('S', "");
	HEAR('1', "");
	for (int i = 0; i < 4; i++) {
		HEAR('2', "");
		HEAR('C', "SELECT 5\0");
	}
	HEAR('Z', "I");
	{
		struct proto_host host = {0};
		const char *told = proto_told(&host, &protocol_postgres, talk, turns, 0, 0, 0);

		CHECK_EQ(host.exchanges, 5);
		CHECK(strstr(told, "ragtime.vector_operator=<=> ragtime.k=5 "));
		CHECK(strstr(told, "ragtime.vector_operator=<-> ragtime.k=10 "));
		CHECK(strstr(told, "ragtime.vector_operator=<-> ragtime.k=256 "));
		CHECK(strstr(told, "ragtime.vector_operator=<-> ragtime.k=7 "));
		CHECK(strstr(told, "ragtime.vector_operator=<-> ragtime.prepared=no"));
		CHECK(!strstr(told, "SECRET") && !strstr(told, "LOST"));
		CHECK_TALK(told);
		buf_free(&host.told);
	}
}

/* A failed one: the server skips all up to Sync, and goes on behind it. */
TEST(pipelines_and_errors)
{
	start();
	SAY('P', "\0SELECT * FROM items\0\0\0");
	SAY('B', "\0\0\0\0\0\0\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('S', "");
	SAY('B', "\0\0\0\0\0\0\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('S', "");
	HEAR('1', "");
	HEAR('2', "");
	HEAR('s', "");
	HEAR('E', "C57014\0\0");
	HEAR('Z', "I");
	HEAR('2', "");
	HEAR('C', "SELECT 0\0");
	HEAR('Z', "I");
#define ITEMS DB " " SELECT_ITEMS " ragtime.prepared=no"
	CHECK_TALK("SELECT items | 8 | " ITEMS " | 51/15\n"
		   "SELECT items | 8 | failed | " ITEMS
		   " db.response.status_code=57014 error.type=57014 | 10/13\n"
		   "SELECT items | 8 | failed | " ITEMS " error.type=skipped | 15/6\n"
		   "SELECT items | 8 | " ITEMS " db.response.returned_rows=0 | 28/19\n");
}

TEST(a_parse_that_fails_alone)
{
	start();
	SAY('P', "x\0SELEC SECRET\0\0\0");
	SAY('D', "Sx\0");
	SAY('S', "");
	HEAR('E', "C42601\0\0");
	HEAR('Z', "I");
	SAY('Q', "SELECT * FROM items\0");
	HEAR('C', "SELECT 0\0");
	HEAR('Z', "I");
	CHECK_TALK(
		"SELECT items | 8 | " DB " " SELECT_ITEMS " db.response.returned_rows=0 | 25/20\n");
}

TEST(copy_both_ways)
{
	start();
	SAY('Q', "COPY items FROM STDIN\0");
	HEAR('G', "\0\0\0");
	SAY('d', "SECRET\n");
	SAY('c', "");
	HEAR('C', "COPY 1\0");
	HEAR('Z', "I");
	SAY('Q', "COPY items TO STDOUT\0");
	HEAR('H', "\0\0\0");
	HEAR('d', "SECRET\n");
	HEAR('c', "");
	HEAR('C', "COPY 1\0");
	HEAR('Z', "I");
	/* by the extended protocol: the first Sync is ignored */
	SAY('P', "\0COPY items FROM STDIN\0\0\0");
	SAY('B', "\0\0\0\0\0\0\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('S', "");
	HEAR('1', "");
	HEAR('2', "");
	HEAR('G', "\0\0\0");
	SAY('d', "SECRET\n");
	SAY('c', "");
	SAY('S', "");
	HEAR('C', "COPY 1\0");
	HEAR('Z', "I");
	SAY('Q', "SELECT * FROM items\0");
	HEAR('C', "SELECT 0\0");
	HEAR('Z', "I");
#define COPY_ITEMS(to, more)                                   \
	"COPY items | 8 | " DB " db.query.text=COPY items " to \
	" db.operation.name=COPY db.collection.name=items " more "ragtime.affected_rows=1 "
	CHECK_TALK(COPY_ITEMS("FROM STDIN", "") "| 44/26\n" COPY_ITEMS(
		"TO STDOUT", "") "| 26/43\n" COPY_ITEMS("FROM STDIN",
		"ragtime.prepared=no ") "| 80/30\n"
					"SELECT items | 8 | " DB " " SELECT_ITEMS
					" db.response.returned_rows=0 | 25/20\n");
}

TEST(tls_asked_for)
{
	turns = 0;
	SAY(0, "\x04\xd2\x16\x2f");
	put_raw(PROTO_IN, "N", 1);
	SAY(0, "\0\3\0\0user\0alice\0database\0shop\0\0");
	HEAR('R', "\0\0\0\0");
	HEAR('Z', "I");
	SAY('Q', "SELECT * FROM items\0");
	HEAR('C', "SELECT 0\0");
	HEAR('Z', "I");
	CHECK_TALK(
		"SELECT items | 8 | " DB " " SELECT_ITEMS " db.response.returned_rows=0 | 25/20\n");
	turns = 0;
	SAY(0, "\x04\xd2\x16\x2f");
	put_raw(PROTO_IN, "S", 1);
	put_raw(PROTO_OUT, "\x16\x03\x01", 3);
	CHECK_TALK("LOST\n");
	turns = 0;
	SAY(0, "\x04\xd2\x16\x2e\0\0\0\1SECR");
	CHECK_TALK("LOST\n");
}

TEST(portals_by_name)
{
	start();
	SAY('P', "s\0SELECT * FROM items\0\0\0");
	SAY('B', "cursor\0s\0\0\0\0\0\0\0");
	SAY('P', "\0BEGIN\0\0\0");
	SAY('B', "\0\0\0\0\0\0\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('E', "cursor\0\0\0\0\1");
	SAY('S', "");
	HEAR('1', "");
	HEAR('2', "");
	HEAR('1', "");
	HEAR('2', "");
	HEAR('C', "BEGIN\0");
	HEAR('D', "\0\1\0\0\0\6SECRET");
	HEAR('s', "");
	HEAR('Z', "T");
	CHECK_TALK("BEGIN | 8 | " DB " db.query.text=BEGIN db.operation.name=BEGIN "
		   "ragtime.prepared=no | 86/31\n"
		   "SELECT items | 8 | " DB " " SELECT_ITEMS
		   " ragtime.prepared=yes db.response.returned_rows=1 | 21/22\n");
}

TEST(gaps_within_rows_and_values)
{
	start();
	SAY('Q', "SELECT * FROM items\0");
	put_raw(PROTO_IN, "D\0\1\0\4\0\1\0\0\xff", 10);
	proto_turn_renew(&talk[turns++], PROTO_IN, NULL, 65536 - 5);
	HEAR('C', "SELECT 1\0");
	HEAR('Z', "I");
	CHECK_TALK("SELECT items | 8 | " DB " " SELECT_ITEMS
		   " db.response.returned_rows=1 | 25/65561\n");
	/* a statement with a hole shows its beginning alone */
	start();
	put_raw(PROTO_OUT, "Q\0\0\0\x39SELECT * FROM items WHERE a = '", 37);
	proto_turn_renew(&talk[turns++], PROTO_OUT, NULL, 8);
	put_raw(PROTO_OUT, "SECRET SECRET", 13);
	HEAR('C', "SELECT 0\0");
	HEAR('Z', "I");
	CHECK_TALK("SELECT items | 8 | " DB " db.query.text=SELECT * FROM items WHERE a = ? "
		   "db.operation.name=SELECT db.collection.name=items "
		   "db.response.returned_rows=0 | 58/20\n");
	start();
	SAY('Q', "SELECT * FROM items\0");
	proto_turn_renew(&talk[turns++], PROTO_IN, NULL, 5);
	HEAR('C', "SELECT 1\0");
	CHECK_TALK("LOST\n");
}

/* What can no longer be known is not told. */
TEST(lost_order_ends_the_claim)
{
	start();
	HEAR('C', "SELECT 1\0");
	CHECK_TALK("LOST\n");
	start();
	SAY('Q', "SELECT * FROM items\0");
	HEAR('Y', "");
	CHECK_TALK("LOST\n");
	start();
	SAY('B', "\0\0\0\0\0\0\0\0");
	SAY('E', "\0\0\0\0\0");
	SAY('S', "");
	HEAR('Z', "I");
	CHECK_TALK("LOST\n");
	start();
	HEAR('Z', "I");
	CHECK_TALK("LOST\n");
	start();
	SAY('S', "SECRET");
	put_raw(PROTO_OUT, "Q\0\0\0\3", 5);
	CHECK_TALK("LOST\n");
}

/* Ten thousand rows by executemany: bounded, none mispaired. */
TEST(a_long_batch_is_told_as_one)
{
	struct proto_host host = {0};
	struct buf asked = {0}, answered = {0};
	const char *told;

	start();
	SAY('P', "\0INSERT INTO items VALUES ($1)\0\0\0");
	buf_append(&asked, talk[turns - 1].bytes, talk[turns - 1].size);
	for (int i = 0; i < 10000; i++) {
		buf_append(&asked, "B\0\0\0\x16\0\0\0\0\0\1\0\0\0\6SECRET\0\0", 23);
		buf_append(&asked, "E\0\0\0\x9\0\0\0\0\0", 10);
		buf_append(&answered, "2\0\0\0\4C\0\0\0\xfINSERT 0 1\0", 21);
	}
	buf_append(&asked, "S\0\0\0\4", 5);
	buf_append(&answered, "Z\0\0\0\5I", 6);
	proto_turn_renew(&talk[turns - 1], PROTO_OUT, (char *)asked.data, asked.size);
	put_raw(PROTO_IN, (char *)answered.data, answered.size);
	buf_free(&answered);
	SAY('Q', "SELECT * FROM items\0");
	HEAR('C', "SELECT 0\0");
	HEAR('Z', "I");
	told = proto_told(&host, &protocol_postgres, talk, turns, 1000, 0, 0);
	CHECK_EQ(host.exchanges, 193);
	CHECK(strstr(told, "ragtime.affected_rows=9809 db.operation.batch.size=9809"));
	CHECK(strstr(told, "SELECT items | 8 |") && !strstr(told, "LOST") &&
		!strstr(told, "failed"));
	buf_free(&host.told);
}

TEST(probes)
{
	const uint8_t *bytes = (const uint8_t *)"\0\0\0\x20\0\3\0\0user";

	for (size_t size = 1; size < 8; size++)
		CHECK_EQ(protocol_postgres.probe(PROTO_OUT, bytes, size), PROTO_NEED_MORE);
	CHECK_EQ(protocol_postgres.probe(PROTO_OUT, bytes, 8), PROTO_OK);
	CHECK_EQ(protocol_postgres.probe(
			 PROTO_OUT, (const uint8_t *)"\0\0\0\x08\x04\xd2\x16\x2f", 8),
		PROTO_OK);
	CHECK_EQ(protocol_postgres.probe(PROTO_OUT, (const uint8_t *)"\0\0\0\4\0\3\0\0", 8),
		PROTO_NOT_MINE);
	CHECK_EQ(protocol_postgres.probe(PROTO_OUT, (const uint8_t *)"GET / HTTP", 10),
		PROTO_NOT_MINE);
}

UNIT_MAIN
