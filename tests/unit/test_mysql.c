/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL and MariaDB: results, rows, prepared statements, errors, and nothing of anybody's data. */
#include "tests/unit/proto_host.h"

static struct proto_turn talk[64];
static size_t turns;

/* A packet; those of one direction in a row are one turn. */
static void put(enum proto_way way, uint8_t sequence, const char *body, size_t size)
{
	struct proto_turn *turn = turns ? &talk[turns - 1] : NULL;
	uint8_t head[4] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16), sequence};
	char *bytes;

	if (!turn || turn->way != way) {
		turn = &talk[turns++];
		proto_turn_renew(turn, way, NULL, 0);
	}
	bytes = malloc(turn->size + 4 + size);
	if (turn->size)
		memcpy(bytes, turn->bytes, turn->size);
	memcpy(bytes + turn->size, head, 4);
	memcpy(bytes + turn->size + 4, body, size);
	free((void *)turn->bytes);
	turn->bytes = bytes;
	turn->size += size + 4;
}

#define SAY(sequence, body) put(PROTO_OUT, sequence, body, sizeof(body) - 1)
#define HEAR(sequence, body) put(PROTO_IN, sequence, body, sizeof(body) - 1)
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
/* 41, secure connection, database; with EOF packets, or without */
#define LOGIN "\x08\x82\0\0\0\0\0\1\x21" ZEROS "alice\0\6SECRETshop\0"
#define LOGIN_NO_EOF "\x08\x82\0\1\0\0\0\1\x21" ZEROS "alice\0\6SECRETshop\0"
#define OK "\0\0\0\2\0\0\0"
#define EOF_OLD "\xfe\0\0\2\0"
#define EOF_NEW "\xfe\0\0\2\0\0\0"
#define DB "db.system.name=mariadb db.namespace=shop"
#define SELECT_ITEMS \
	"db.query.text=SELECT * FROM items db.operation.name=SELECT db.collection.name=items"

#define START(login)                                                                    \
	do {                                                                            \
		turns = 0;                                                              \
		HEAR(0, "\n5.5.5-10.11.2-MariaDB\0\1\0\0\0SECRETSE\0\xff\xff\x21\2\0"); \
		SAY(1, login);                                                          \
		HEAR(2, "\xfemysql_native_password\0SECRETSECRETSECRETSE\0");           \
		SAY(3, "SECRETSECRETSECRETSE");                                         \
		HEAR(4, OK);                                                            \
	} while (0)

#define CHECK_TALK(expected) proto_check(&protocol_mysql, talk, turns, expected)

static void select_rows(void)
{
	SAY(0, "\3SELECT * FROM items WHERE a = \"SECRET\"");
	HEAR(1, "\2");
	HEAR(2, "\3def\4shop");
	HEAR(3, "\3def\4shop");
}

TEST(rows_are_counted_with_both_kinds_of_end)
{
#define SELECTED(bytes)                                                                             \
	"SELECT items | 8 | " DB " db.query.text=SELECT * FROM items WHERE a = ? "                  \
	"db.operation.name=SELECT db.collection.name=items db.response.returned_rows=2 | 43/" bytes \
	"\n"
	START(LOGIN);
	select_rows();
	HEAR(4, EOF_OLD);
	HEAR(5, "\6SECRET\1x");
	HEAR(6, "\xfb\xfb");
	HEAR(7, EOF_OLD);
	CHECK_TALK(SELECTED("68"));
	START(LOGIN_NO_EOF);
	select_rows();
	HEAR(4, "\6SECRET\1x");
	HEAR(5, "\xfb\xfb");
	HEAR(6, EOF_NEW);
	CHECK_TALK(SELECTED("61"));
}

TEST(changes_errors_and_several_results)
{
	START(LOGIN_NO_EOF);
	SAY(0, "\3INSERT INTO items VALUES ('SECRET\\'SECRET')");
	HEAR(1, "\0\2\0\2\0\0\0");
	SAY(0, "\3SELECT * FROM items");
	HEAR(1, "\xff\x7a\4#42S02Table 'SECRET' does not exist");
	SAY(0, "\3DELETE FROM items; DELETE FROM items");
	HEAR(1, "\0\3\0\x0a\0\0\0");
	HEAR(2, "\0\4\0\2\0\0\0");
	SAY(0, "\x0e");
	HEAR(1, OK);
	SAY(0, "\2other");
	HEAR(1, OK);
	SAY(0, "\1");
	CHECK_TALK("INSERT items | 8 | " DB " db.query.text=INSERT INTO items VALUES(?) "
		   "db.operation.name=INSERT db.collection.name=items ragtime.affected_rows=2 "
		   "| 48/11\n"
		   "SELECT items | 8 | failed | " DB " " SELECT_ITEMS
		   " db.response.status_code=1146 error.type=1146 | 24/42\n"
		   "DELETE items | 8 | " DB " db.query.text=DELETE FROM items; DELETE FROM items "
		   "db.operation.name=DELETE db.collection.name=items ragtime.affected_rows=7 "
		   "| 41/22\n"
		   "PING | 8 | " DB " db.operation.name=PING | 5/11\n"
		   "USE | 8 | " DB " db.operation.name=USE | 10/11\n");
}

TEST(prepared_statements_by_number)
{
	START(LOGIN);
	SAY(0, "\x16SELECT * FROM items");
	HEAR(1, "\0\7\0\0\0\1\0\1\0\0\0\0");
	HEAR(2, "\3def");
	HEAR(3, EOF_OLD);
	HEAR(4, "\3def");
	HEAR(5, EOF_OLD);
	SAY(0, "\x17\7\0\0\0\0\1\0\0\0\0\1\xfe\0\6SECRET");
	HEAR(1, "\1");
	HEAR(2, "\3def");
	HEAR(3, EOF_OLD);
	HEAR(4, "\0\0\6SECRET");
	HEAR(5, EOF_OLD);
	SAY(0, "\x19\7\0\0\0");
	SAY(0, "\x17\7\0\0\0\0\1\0\0\0\0\1\xfe\0\6SECRET");
	HEAR(1, "\xff\xdb\4#HY000SECRET");
	CHECK_TALK("PREPARE SELECT items | 8 | " DB
		   " db.query.text=SELECT * FROM items db.operation.name=PREPARE "
		   "db.collection.name=items | 24/50\n"
		   "SELECT items | 8 | " DB " " SELECT_ITEMS
		   " ragtime.prepared=yes db.response.returned_rows=1 | 25/44\n"
		   "EXECUTE | 8 | failed | " DB " ragtime.prepared=yes "
		   "db.response.status_code=1243 error.type=1243 | 25/19\n");
}

TEST(what_changes_the_framing_ends_the_claim)
{
	turns = 0;
	HEAR(0, "\n8.0.36\0\1\0\0\0SECRETSE\0\xff\xff\x21\2\0");
	SAY(1, "\x08\x8a\0\0\0\0\0\1\x21" ZEROS);
	CHECK_TALK("LOST\n");
	START(LOGIN);
	SAY(0, "\x12SECRET");
	CHECK_TALK("LOST\n");
	START(LOGIN);
	SAY(0, "\3SELECT * FROM items");
	HEAR(2, OK);
	CHECK_TALK("LOST\n");
	START(LOGIN);
	HEAR(0, OK);
	CHECK_TALK("LOST\n");
}

/* Within TLS, where the greeting has been in the clear. */
TEST(a_login_begins_it_too)
{
	const char *login = "\x30\0\0\2\x08\x8a\0\0\0\0\0\1\x21" ZEROS;

	for (size_t size = 1; size < 32; size++)
		CHECK_EQ(protocol_mysql.probe(PROTO_OUT, (const uint8_t *)login, size),
			PROTO_NEED_MORE);
	CHECK_EQ(protocol_mysql.probe(PROTO_OUT, (const uint8_t *)login, 32), PROTO_OK);
	CHECK_EQ(protocol_mysql.probe(PROTO_IN, (const uint8_t *)"\x4a\0\0\0\n8.0", 8), PROTO_OK);
	CHECK_EQ(protocol_mysql.probe(PROTO_OUT, (const uint8_t *)"GET / HTTP/1.1", 14),
		PROTO_NOT_MINE);
	turns = 0;
	SAY(2, "\x08\x8a\0\1\0\0\0\1\x21" ZEROS "alice\0\6SECRETshop\0");
	HEAR(3, OK);
	SAY(0, "\3SELECT * FROM items");
	HEAR(1, OK);
	CHECK_TALK("SELECT items | 8 | db.system.name=mysql db.namespace=shop " SELECT_ITEMS
		   " ragtime.affected_rows=0 | 24/11\n");
}

UNIT_MAIN
