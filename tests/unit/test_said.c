/* SPDX-License-Identifier: Apache-2.0 */
/* What is said is kept where it is wanted, decoded, as far as there is room, and nowhere else. */
#include "protocols/protocol.h"
#include "protocols/said.h"
#include "tests/unit/unit.h"

static char kept[SAID_PARTS][1024];
static uint64_t cut;
static bool any;

static void take(void *context, const struct exchange *exchange)
{
	(void)context;
	any = exchange->said != NULL;
	for (int part = 0; any && part < SAID_PARTS; part++)
		snprintf(kept[part], sizeof(kept[part]), "%.*s",
			(int)exchange->said->parts[part].size,
			(const char *)exchange->said->parts[part].data);
	cut = any ? exchange->said->cut : 0;
}

static uint64_t hash(void *context, const void *bytes, size_t size)
{
	(void)context;
	(void)bytes;
	return size;
}

/* One request and its answer, in pieces of `step` bytes. */
static void talk(const struct protocol *protocol, bool keeps, const char *says, const char *hears,
	size_t step)
{
	struct exchange_host host = {.done = take, .hash = hash, .keeps_content = keeps};
	const char *texts[] = {[PROTO_OUT] = says, [PROTO_IN] = hears};
	void *state = calloc(1, protocol->state_size);
	uint64_t ticks = 0;

	memset(kept, 0, sizeof(kept));
	any = false;
	protocol->open(state, &host);
	for (enum proto_way way = PROTO_OUT; way <= PROTO_IN; way++) {
		size_t size = strlen(texts[way]);

		for (size_t at = 0; at < size; at += step) {
			struct proto_piece piece = {.bytes = (const uint8_t *)texts[way] + at,
				.size = size - at < step ? size - at : step,
				.ticks = ++ticks,
				.position = at};

			protocol->feed(state, way, &piece);
		}
	}
	protocol->close(state, ++ticks);
	free(state);
}

static const char note[] = "POST /notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n"
			   "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
static const char chunked[] = "HTTP/1.1 200 OK\r\nContent-Type: application/problem+json\r\n"
			      "Set-Cookie: x\r\nTransfer-Encoding: chunked\r\n\r\n"
			      "2\r\n{}\r\n1\r\n \r\n0\r\n\r\n";
static const char image[] =
	"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\nabc";

TEST(bodies_of_text)
{
	for (size_t step = 1; step < 200; step++) {
		talk(&protocol_http1, true, note, chunked, step);
		CHECK_STR(kept[SAID_REQUEST], "hello");
		CHECK_STR(kept[SAID_ANSWER], "{} ");
		talk(&protocol_http1, true, note, image, step);
		CHECK_STR(kept[SAID_REQUEST], "hello");
		CHECK_STR(kept[SAID_ANSWER], "");
	}
	talk(&protocol_http1, false, note, chunked, 200);
	CHECK(!any);
}

TEST(streams_of_models)
{
	static const char asks[] =
		"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
		"Content-Length: 26\r\n\r\n{\"messages\":[],\"stream\":1}";
	static const char answers[] =
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
		"data: {\"choices\":[{\"delta\":{\"content\":\"Hello \"}}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"content\":\"you\"}}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"look\","
		"\"arguments\":\"{\\\"q\\\":1}\"}}]}}]}\n\n"
		"data: [DONE]\n\n";

	for (size_t step = 1; step < 100; step++) {
		talk(&protocol_http1, true, asks, answers, step);
		CHECK_STR(kept[SAID_REQUEST], "{\"messages\":[],\"stream\":1}");
		CHECK_STR(kept[SAID_ANSWER], "Hello you");
		CHECK_STR(kept[SAID_TOOLS], "{\"q\":1}");
	}
	talk(&protocol_http1, false, asks, answers, 100);
	CHECK(!any);
}

TEST(room_is_limited)
{
	struct exchange_host host = {.done = take, .hash = hash, .keeps_content = true};
	struct proto_piece piece = {0};
	struct exchange *exchange = exchange_begin(&host, "test", PROTO_OUT, &piece);
	char many[10000];

	memset(many, 'x', sizeof(many));
	for (int i = 0; i < 10; i++) {
		for (int part = 0; part < SAID_PARTS; part++)
			exchange_say(exchange, part, many, sizeof(many));
	}
	exchange_end(exchange, 1);
	CHECK_EQ(cut, 500000 - (32 + 24 + 8 + 32 + 24) * 1024);
	exchange_say(NULL, SAID_REQUEST, many, 1);
}

UNIT_MAIN
