/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC over HTTP/2, unary and streaming, and what vector stores say in it. */
#include "http2_fixture.h"

#include <zlib.h>

#define CALL(path)                                                                \
	":method\nPOST\n:scheme\nhttp\n:path\n" path "\n:authority\nstore:6334\n" \
	"content-type\napplication/grpc\nte\ntrailers\n"
#define ACCEPTED ":status\n200\ncontent-type\napplication/grpc\n"

/* ---- protobuf, written by hand ---- */

static void put_varint(struct buf *out, uint64_t value)
{
	uint8_t byte;

	do {
		byte = (uint8_t)((value & 0x7f) | (value >= 0x80) << 7);
		buf_append(out, &byte, 1);
		value >>= 7;
	} while (value);
}

static void put_number(struct buf *out, unsigned field, uint64_t value)
{
	put_varint(out, field << 3);
	put_varint(out, value);
}

static void put_bytes(struct buf *out, unsigned field, const void *bytes, size_t size)
{
	put_varint(out, field << 3 | 2);
	put_varint(out, size);
	buf_append(out, bytes, size);
}

static void put_text(struct buf *out, unsigned field, const char *text)
{
	put_bytes(out, field, text, strlen(text));
}

static void put_message(struct buf *out, unsigned field, struct buf *message)
{
	put_bytes(out, field, message->data, message->size);
	buf_free(message);
}

/* With gRPC's prefix, in DATA frames of at most 16384 bytes. */
static void send_message(struct talk *talk, enum proto_way way, uint32_t id, unsigned flags,
	bool is_compressed, struct buf *message)
{
	struct buf framed = {0};
	uint8_t prefix[5] = {is_compressed, (uint8_t)(message->size >> 24),
		(uint8_t)(message->size >> 16), (uint8_t)(message->size >> 8),
		(uint8_t)message->size};

	buf_append(&framed, prefix, 5);
	buf_append(&framed, message->data, message->size);
	for (size_t at = 0; at < framed.size; at += 16384) {
		size_t left = framed.size - at;

		data(talk, way, id, left <= 16384 ? flags : 0, framed.data + at,
			left < 16384 ? left : 16384);
	}
	buf_free(&framed);
	buf_free(message);
}

/* qdrant's SearchPoints, with a vector that reads like nothing in particular */
static void search_points(struct talk *talk, uint32_t id)
{
	struct buf message = {0}, filter = {0};
	float vector[384];

	for (int i = 0; i < 384; i++)
		vector[i] = 0.01f * (float)i - 1;
	put_text(&filter, 2, "tenant");
	put_text(&message, 1, "handbook");
	put_bytes(&message, 2, vector, sizeof(vector));
	put_message(&message, 3, &filter);
	put_number(&message, 4, 12);
	headers(talk, PROTO_OUT, id, 0, CALL("/qdrant.Points/Search"));
	send_message(talk, PROTO_OUT, id, ENDS, false, &message);
}

static void scored_points(struct talk *talk, uint32_t id, unsigned count)
{
	struct buf message = {0};

	for (unsigned i = 0; i < count; i++) {
		struct buf point = {0};

		put_text(&point, 2, "the text of a document");
		put_message(&message, 1, &point);
	}
	headers(talk, PROTO_IN, id, 0, ACCEPTED);
	send_message(talk, PROTO_IN, id, 0, false, &message);
	headers(talk, PROTO_IN, id, ENDS, "grpc-status\n0\n");
}

TEST(a_search)
{
	struct talk *talk = talk_new();
	static struct heard heard, split;

	greet(talk);
	search_points(talk, 1);
	scored_points(talk, 1, 3);
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 1);
	CHECK_HAS(&heard, "search handbook|grpc|ok|");
	CHECK_HAS(&heard, "|rpc.system=grpc|rpc.service=qdrant.Points|rpc.method=Search|");
	CHECK_HAS(&heard, "|db.system.name=qdrant|db.operation.name=search|");
	CHECK_HAS(&heard, "|db.collection.name=handbook|ragtime.filter=1|ragtime.k=12|");
	CHECK_HAS(&heard, "|db.response.returned_rows=3|rpc.grpc.status_code=0|");
	CHECK_HAS(&heard, "|ragtime.request_messages=1|ragtime.response_messages=1|");
	CHECK(!strstr(heard.text, "tenant") && !strstr(heard.text, "document"));
	for (size_t size = 1; size < 40; size++) {
		listen_from(talk, 0, size, &split);
		CHECK(!strcmp(heard.text, split.text));
	}
	talk_free(talk);
}

TEST(a_large_upsert_counts_its_points)
{
	struct talk *talk = talk_new();
	struct buf message = {0};
	static uint8_t vector[6144];
	struct heard heard;

	memset(vector, 0x3e, sizeof(vector));
	put_text(&message, 1, "handbook");
	for (unsigned i = 0; i < 500; i++) {
		struct buf point = {0};

		put_bytes(&point, 4, vector, sizeof(vector));
		put_message(&message, 3, &point);
	}
	greet(talk);
	headers(talk, PROTO_OUT, 1, 0, CALL("/qdrant.Points/Upsert"));
	send_message(talk, PROTO_OUT, 1, ENDS, false, &message);
	headers(talk, PROTO_IN, 1, ENDS, ACCEPTED "grpc-status\n0\n");
	listen_to(talk, &heard);
	CHECK_HAS(&heard, "upsert handbook|grpc|ok|");
	CHECK_HAS(&heard, "|db.operation.batch.size=500|");
	talk_free(talk);
}

TEST(statuses_fail)
{
	struct talk *talk = talk_new();
	struct heard heard;

	greet(talk);
	headers(talk, PROTO_OUT, 1, ENDS, CALL("/shop.Cart/Add"));
	headers(talk, PROTO_IN, 1, ENDS, ACCEPTED "grpc-status\n5\ngrpc-message\nno cart of ann\n");
	headers(talk, PROTO_OUT, 3, ENDS, CALL("/shop.Cart/List"));
	headers(talk, PROTO_IN, 3, ENDS, ":status\n503\ncontent-type\ntext/html\n");
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 2);
	CHECK_HAS(&heard, "shop.Cart/Add|grpc|failed|");
	CHECK_HAS(&heard, "|rpc.grpc.status_code=5|");
	CHECK_HAS(&heard, "|error.type=NOT_FOUND|");
	CHECK_HAS(&heard, "shop.Cart/List|grpc|failed|");
	CHECK_HAS(&heard, "|error.type=503|");
	CHECK(!strstr(heard.text, "ann"));
	talk_free(talk);
}

TEST(streams_of_messages_are_counted)
{
	struct talk *talk = talk_new();
	struct heard heard;

	greet(talk);
	headers(talk, PROTO_OUT, 1, 0, CALL("/chat.Room/Talk"));
	headers(talk, PROTO_IN, 1, 0, ACCEPTED);
	for (unsigned i = 0; i < 7; i++) {
		struct buf message = {0};

		put_text(&message, 1, "hello");
		send_message(talk, PROTO_OUT, 1, i == 6 ? ENDS : 0, false, &message);
		for (unsigned k = 0; k < 3; k++) {
			put_number(&message, 2, k);
			send_message(talk, PROTO_IN, 1, 0, false, &message);
		}
	}
	headers(talk, PROTO_IN, 1, ENDS, "grpc-status\n0\n");
	listen_to(talk, &heard);
	CHECK_HAS(&heard, "chat.Room/Talk|grpc|ok|");
	CHECK_HAS(&heard, "|ragtime.request_messages=7|ragtime.response_messages=21|");
	talk_free(talk);
}

TEST(fields_are_kept_where_content_is_wanted)
{
	struct talk *talk = talk_new();
	struct buf message = {0}, inner = {0};
	static struct heard heard, split;

	greet(talk);
	headers(talk, PROTO_OUT, 1, 0, CALL("/shop.Cart/Add"));
	put_text(&inner, 2, "it's a thing");
	put_number(&message, 1, 4711);
	put_message(&message, 3, &inner);
	put_bytes(&message, 4, "\0\0\200?", 4);
	send_message(talk, PROTO_OUT, 1, ENDS, false, &message);
	headers(talk, PROTO_IN, 1, 0, ACCEPTED);
	put_text(&message, 1, "added");
	send_message(talk, PROTO_IN, 1, 0, false, &message);
	headers(talk, PROTO_IN, 1, ENDS, "grpc-status\n0\n");
	listen_to(talk, &heard);
	CHECK(!strstr(heard.text, "thing") && !strstr(heard.text, "added"));
	talk->keeps_content = true;
	listen_to(talk, &heard);
	CHECK_HAS(&heard, "|said 0: 1=4711 3.2='it''s a thing' |said 1: 1='added' |");
	for (size_t size = 1; size < 40; size++) {
		listen_from(talk, 0, size, &split);
		CHECK(!strcmp(heard.text, split.text));
	}
	talk_free(talk);
}

static void gzip(struct buf *message)
{
	z_stream z = {0};
	uint8_t out[4096];

	deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
	z.next_in = message->data;
	z.avail_in = (uInt)message->size;
	z.next_out = out;
	z.avail_out = sizeof(out);
	CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
	message->size = 0;
	buf_append(message, out, sizeof(out) - z.avail_out);
	deflateEnd(&z);
}

TEST(compressed_messages_are_read)
{
	struct talk *talk = talk_new();
	struct buf message = {0}, pair = {0};
	struct heard heard;

	greet(talk);
	headers(talk, PROTO_OUT, 1, 0,
		CALL("/milvus.proto.milvus.MilvusService/Search") "grpc-encoding\ngzip\n");
	put_text(&message, 3, "articles");
	put_text(&message, 5, "year > 2000");
	put_text(&pair, 1, "metric_type");
	put_text(&pair, 2, "44");
	put_message(&message, 9, &pair);
	put_text(&pair, 1, "topk");
	put_text(&pair, 2, "25");
	put_message(&message, 9, &pair);
	put_number(&message, 12, 2);
	gzip(&message);
	send_message(talk, PROTO_OUT, 1, ENDS, true, &message);
	headers(talk, PROTO_IN, 1, 0, ACCEPTED);
	put_number(&pair, 3, 1100);
	put_message(&message, 1, &pair);
	send_message(talk, PROTO_IN, 1, 0, false, &message);
	headers(talk, PROTO_IN, 1, ENDS, "grpc-status\n0\n");
	listen_to(talk, &heard);
	CHECK_HAS(&heard, "search articles|grpc|failed|");
	CHECK_HAS(&heard, "|db.system.name=milvus|");
	CHECK_HAS(&heard, "|ragtime.k=25|");
	CHECK_HAS(&heard, "|ragtime.filter=1|");
	CHECK_HAS(&heard, "|db.operation.batch.size=2|");
	CHECK_HAS(&heard, "|error.type=milvus.1100|");
	talk_free(talk);
}

TEST(pinecone_and_weaviate)
{
	struct talk *talk = talk_new();
	struct buf message = {0}, object = {0};
	struct heard heard;

	greet(talk);
	headers(talk, PROTO_OUT, 1, 0,
		":method\nPOST\n:path\n/VectorService/Query\n:authority\n"
		"my-docs-x1y2z3.svc.eu.pinecone.io\ncontent-type\napplication/grpc+proto\n");
	put_text(&message, 1, "tenant-9");
	put_number(&message, 2, 8);
	send_message(talk, PROTO_OUT, 1, ENDS, false, &message);
	headers(talk, PROTO_IN, 1, 0, ACCEPTED);
	for (int i = 0; i < 4; i++) {
		put_text(&object, 1, "id");
		put_message(&message, 2, &object);
	}
	send_message(talk, PROTO_IN, 1, 0, false, &message);
	headers(talk, PROTO_IN, 1, ENDS, "grpc-status\n0\n");
	headers(talk, PROTO_OUT, 3, 0, CALL("/weaviate.v1.Weaviate/Search"));
	put_text(&message, 1, "Article");
	put_number(&message, 30, 6);
	put_text(&object, 1, "x");
	put_message(&message, 43, &object);
	send_message(talk, PROTO_OUT, 3, ENDS, false, &message);
	headers(talk, PROTO_IN, 3, ENDS, ACCEPTED "grpc-status\n0\n");
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 2);
	CHECK_HAS(&heard, "query my-docs|grpc|ok|");
	CHECK_HAS(&heard, "|db.namespace=tenant-9|ragtime.k=8|");
	CHECK_HAS(&heard, "|db.response.returned_rows=4|");
	CHECK_HAS(&heard, "search Article|grpc|ok|");
	CHECK_HAS(&heard, "|ragtime.k=6|");
	talk_free(talk);
}

TEST(a_gap_within_a_message_keeps_the_next)
{
	struct talk *talk = talk_new();
	uint8_t payload[5 + 3000] = {0, 0, 0, 3000 >> 8, 3000 & 0xff};
	struct buf message = {0};
	struct heard heard;

	greet(talk);
	headers(talk, PROTO_OUT, 1, ENDS, CALL("/chat.Room/Read"));
	headers(talk, PROTO_IN, 1, 0, ACCEPTED);
	frame_cut(talk, PROTO_IN, HTTP2_DATA, 0, 1, payload, sizeof(payload), 1000);
	put_number(&message, 1, 1);
	send_message(talk, PROTO_IN, 1, 0, false, &message);
	headers(talk, PROTO_IN, 1, ENDS, "grpc-status\n0\n");
	listen_to(talk, &heard);
	CHECK_HAS(&heard, "|ragtime.response_messages=2|");
	talk_free(talk);
}

UNIT_MAIN
