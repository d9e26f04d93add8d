/* SPDX-License-Identifier: Apache-2.0 */
/* MongoDB: commands, cursors, errors, cut documents, and nothing of anybody's data. */
#include "tests/unit/proto_host.h"

#include "protocols/content/bson.h"

static struct proto_turn talk[16];
static size_t turns;
static struct buf body;
static size_t opened[8];
static unsigned depth;

static void put_le32(struct buf *to, uint32_t value)
{
	buf_append(to, &value, 4);
}

static void name(uint8_t type, const char *text)
{
	buf_append(&body, &type, 1);
	buf_append(&body, text, strlen(text) + 1);
}

static void open_document(void)
{
	opened[depth++] = body.size;
	put_le32(&body, 0);
}

static void close_document(void)
{
	uint32_t size;
	size_t at = opened[--depth];

	buf_append(&body, "", 1);
	size = (uint32_t)(body.size - at);
	memcpy(body.data + at, &size, 4);
}

static void inside(uint8_t type, const char *text)
{
	name(type, text);
	open_document();
}

static void string(const char *key, const char *value)
{
	name(BSON_STRING, key);
	put_le32(&body, (uint32_t)strlen(value) + 1);
	buf_append(&body, value, strlen(value) + 1);
}

static void number(const char *key, int32_t value)
{
	name(BSON_INT32, key);
	put_le32(&body, (uint32_t)value);
}

static void real(const char *key, double value)
{
	name(BSON_DOUBLE, key);
	buf_append(&body, &value, 8);
}

static void begin_message(uint32_t flags)
{
	buf_clear(&body);
	put_le32(&body, flags);
	buf_append(&body, "", 1);
	open_document();
}

/* Ends the document and sends it; `answers` 0: a request. */
static void send(enum proto_way way, uint32_t id, uint32_t answers)
{
	struct buf message = {0};

	put_le32(&message, (uint32_t)body.size + 16);
	put_le32(&message, id);
	put_le32(&message, answers);
	put_le32(&message, 2013);
	buf_append(&message, body.data, body.size);
	proto_turn_renew(&talk[turns++], way, (char *)message.data, message.size);
}

#define CHECK_TALK(expected) proto_check(&protocol_mongo, talk, turns, expected)

static void find(uint32_t id)
{
	begin_message(0);
	string("find", "docs");
	inside(BSON_DOCUMENT, "filter");
	string("user", "SECRET");
	close_document();
	string("$db", "shop");
	close_document();
	send(PROTO_OUT, id, 0);
}

static void reply_rows(uint32_t id, int rows)
{
	begin_message(0);
	inside(BSON_DOCUMENT, "cursor");
	inside(BSON_ARRAY, "firstBatch");
	for (int i = 0; i < rows; i++) {
		inside(BSON_DOCUMENT, "0");
		string("text", "SECRET");
		close_document();
	}
	close_document();
	close_document();
	real("ok", 1);
	close_document();
	send(PROTO_IN, id + 1000, id);
}

#define FOUND \
	"find docs | 8 | db.system.name=mongodb db.operation.name=find db.collection.name=docs db.namespace=shop"

TEST(replies_find_their_requests)
{
	turns = 0;
	find(1);
	find(2);
	reply_rows(2, 0);
	reply_rows(1, 3);
	CHECK_TALK(FOUND " db.response.returned_rows=0 | 85/68\n" FOUND
			 " db.response.returned_rows=3 | 85/143\n");
}

TEST(content_is_json_text)
{
	turns = 0;
	begin_message(0);
	string("find", "docs");
	inside(BSON_DOCUMENT, "filter");
	string("user", "a \"b\"\n");
	inside(BSON_ARRAY, "in");
	number("0", -7);
	real("1", 0.5);
	close_document();
	name(BSON_BOOL, "all");
	buf_append(&body, "\1", 1);
	name(0x0a, "none");
	name(0x05, "bytes");
	put_le32(&body, 3);
	buf_append(&body, "\0SEC", 4);
	close_document();
	close_document();
	send(PROTO_OUT, 1, 0);
	reply_rows(1, 1);
	begin_message(0);
	string("saslStart", "SECRET");
	close_document();
	send(PROTO_OUT, 2, 0);
	reply_rows(2, 1);
	proto_keeps_content = true;
	CHECK_TALK(
		"find docs | 8 | db.system.name=mongodb db.operation.name=find "
		"db.collection.name=docs db.response.returned_rows=1 "
		"<{\"find\": \"docs\", \"filter\": {\"user\": \"a \\u0022b\\u0022\\u000a\", "
		"\"in\": [-7, 0.5], \"all\": true, \"none\": null, \"bytes\": \"<4 bytes>\"}}> "
		"<{\"cursor\": {\"firstBatch\": [{\"text\": \"SECRET\"}]}, \"ok\": 1}> | 125/93\n"
		"saslStart | 8 | db.system.name=mongodb db.operation.name=saslStart "
		"db.response.returned_rows=1 | 48/93\n");
	proto_keeps_content = false;
}

TEST(vector_search_in_a_pipeline)
{
	turns = 0;
	begin_message(0);
	string("aggregate", "docs");
	inside(BSON_ARRAY, "pipeline");
	inside(BSON_DOCUMENT, "0");
	inside(BSON_DOCUMENT, "$vectorSearch");
	inside(BSON_ARRAY, "queryVector");
	real("0", 0.5);
	close_document();
	number("limit", 7);
	inside(BSON_DOCUMENT, "filter");
	string("user", "SECRET");
	close_document();
	close_document();
	close_document();
	close_document();
	string("$db", "shop");
	close_document();
	send(PROTO_OUT, 1, 0);
	reply_rows(1, 7);
	CHECK_TALK("aggregate docs | 4 | db.system.name=mongodb db.operation.name=aggregate "
		   "db.collection.name=docs ragtime.k=7 ragtime.filter=yes db.namespace=shop "
		   "db.response.returned_rows=7 | 173/243\n");
}

TEST(errors_and_writes)
{
	turns = 0;
	begin_message(0);
	string("insert", "docs");
	string("$db", "shop");
	close_document();
	buf_append(&body, "\1", 1);
	opened[0] = body.size;
	put_le32(&body, 0);
	buf_append(&body, "documents", 10);
	for (int i = 0; i < 2; i++) {
		depth = 1;
		open_document();
		string("text", "SECRET");
		close_document();
	}
	put_le32(&body, 0);
	body.size -= 4;
	memcpy(body.data + opened[0], &(uint32_t){(uint32_t)(body.size - opened[0])}, 4);
	depth = 0;
	send(PROTO_OUT, 1, 0);
	begin_message(0);
	number("n", 2);
	real("ok", 1);
	close_document();
	send(PROTO_IN, 9, 1);
	begin_message(0);
	string("saslStart", "SECRET");
	string("payload", "SECRET");
	close_document();
	send(PROTO_OUT, 2, 0);
	begin_message(0);
	real("ok", 0);
	string("errmsg", "SECRET");
	number("code", 18);
	string("codeName", "AuthenticationFailed");
	close_document();
	send(PROTO_IN, 10, 2);
	begin_message(2);
	string("not a name SECRET", "SECRET");
	close_document();
	send(PROTO_OUT, 3, 0);
	CHECK_TALK("insert docs | 8 | db.system.name=mongodb db.operation.name=insert "
		   "db.collection.name=docs db.namespace=shop db.operation.batch.size=2 "
		   "ragtime.affected_rows=2 | 116/45\n"
		   "saslStart | 8 | failed | db.system.name=mongodb db.operation.name=saslStart "
		   "db.response.status_code=18 error.type=AuthenticationFailed | 68/102\n"
		   "mongodb | 8 | db.system.name=mongodb | 56/0\n");
}

TEST(gaps_and_what_is_none)
{
	turns = 0;
	find(1);
	reply_rows(1, 2);
	proto_turn_renew(&talk[turns++], PROTO_OUT,
		memcpy(malloc(16), "\1\0\0\0\0\0\0\0\0\0\0\0\xdd\7\0\0", 16), 16);
	CHECK_TALK(FOUND " db.response.returned_rows=2 | 85/118\nLOST\n");
	turns = 0;
	find(1);
	reply_rows(1, 2);
	talk[1].size = 60;
	proto_turn_renew(&talk[turns++], PROTO_IN, NULL, 118 - 60);
	CHECK_TALK(FOUND " | 85/118\n");
}

TEST(probes)
{
	turns = 0;
	find(1);
	CHECK_EQ(protocol_mongo.probe(PROTO_OUT, (const uint8_t *)talk[0].bytes, 15),
		PROTO_NEED_MORE);
	CHECK_EQ(protocol_mongo.probe(PROTO_OUT, (const uint8_t *)talk[0].bytes, 16), PROTO_OK);
	CHECK_EQ(protocol_mongo.probe(PROTO_OUT, (const uint8_t *)"GET / HTTP/1.1\r\n", 16),
		PROTO_NOT_MINE);
}

UNIT_MAIN
