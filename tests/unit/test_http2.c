/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 as clients and servers speak it, as it arrives late or torn, and as nobody speaks it. */
#include "http2_fixture.h"

#define ASK                                                                                    \
	":method\nPOST\n:scheme\nhttps\n:path\n/v1/chat/completions\n:authority\napi.example:" \
	"443\ncontent-type\napplication/json\n"
#define ANSWER ":status\n200\ncontent-type\napplication/json\nx-request-id\nreq-7\n"

static const char ask_body[] = "{\"model\":\"m-1\",\"messages\":[{\"role\":\"user\"}]}";
static const char answer_body[] = "{\"model\":\"m-1-x\",\"usage\":{\"prompt_tokens\":11,"
				  "\"completion_tokens\":7}}";

static void request(struct talk *talk, uint32_t id)
{
	headers(talk, PROTO_OUT, id, 0, ASK);
	data(talk, PROTO_OUT, id, ENDS, ask_body, strlen(ask_body));
}

static void response(struct talk *talk, uint32_t id)
{
	headers(talk, PROTO_IN, id, 0, ANSWER);
	data(talk, PROTO_IN, id, ENDS, answer_body, strlen(answer_body));
}

TEST(request_and_response)
{
	struct talk *talk = talk_new();
	struct heard heard;

	greet(talk);
	request(talk, 1);
	response(talk, 1);
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 1);
	CHECK_HAS(&heard, "chat m-1|http2|ok|");
	CHECK_HAS(&heard, "|server.address=api.example|");
	CHECK_HAS(&heard, "|http.response.status_code=200|");
	CHECK_HAS(&heard, "|ragtime.request_id=req-7|");
	CHECK_HAS(&heard, "|gen_ai.usage.input_tokens=11|");
	CHECK_HAS(&heard, "|gen_ai.usage.output_tokens=7|");
	talk_free(talk);
}

static struct talk *eight_streams(void)
{
	struct talk *talk = talk_new();
	char text[256];

	greet(talk);
	for (uint32_t i = 0; i < 8; i++) {
		snprintf(text, sizeof(text),
			":method\nPOST\n:scheme\nhttps\n:path\n/v1/chat/completions\n:authority\nh%u."
			"example\ncontent-type\napplication/json\n",
			i);
		headers(talk, PROTO_OUT, 2 * i + 1, 0, text);
	}
	for (size_t at = 0; at < strlen(ask_body); at += 5) {
		for (uint32_t i = 0; i < 8; i++) {
			size_t left = strlen(ask_body) - at;

			data(talk, PROTO_OUT, 2 * i + 1, left <= 5 ? ENDS : 0, ask_body + at,
				left < 5 ? left : 5);
		}
	}
	frame(talk, PROTO_IN, HTTP2_WINDOW_UPDATE, 0, 0, "\0\0\1\0", 4);
	for (uint32_t i = 8; i--;) {
		headers(talk, PROTO_IN, 2 * i + 1, 0, ":status\n103\nlink\n</a>\n");
		snprintf(text, sizeof(text),
			":status\n200\ncontent-type\napplication/json\nx-request-id\nreq-%u\n", i);
		headers(talk, PROTO_IN, 2 * i + 1, 0, text);
	}
	for (unsigned part = 0; part < 2; part++) {
		for (uint32_t i = 0; i < 8; i++) {
			snprintf(text, sizeof(text),
				"{\"usage\":{\"prompt_tokens\":%u,\"completion_tokens\":%u}}",
				1000 + i, 2000 + i);
			data(talk, PROTO_IN, 2 * i + 1, part ? ENDS : 0, text + 20 * part,
				part ? strlen(text) - 20 : 20);
		}
	}
	return talk;
}

TEST(concurrent_streams_keep_apart)
{
	struct talk *talk = eight_streams();
	struct heard heard;
	char line[128];

	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 8);
	for (unsigned i = 0; i < 8; i++) {
		const char *at, *end;

		snprintf(line, sizeof(line), "|server.address=h%u.example|", i);
		CHECK_HAS(&heard, line);
		at = strstr(heard.text, line);
		end = at ? strchr(at, '\n') : NULL;
		snprintf(line, sizeof(line),
			"|ragtime.request_id=req-%u|http.response.status_code=200|"
			"gen_ai.usage.input_tokens=%u|",
			i, 1000 + i);
		CHECK(end && strstr(at, line) && strstr(at, line) < end);
	}
	talk_free(talk);
}

TEST(any_split_gives_the_same)
{
	struct talk *talk = eight_streams();
	static struct heard whole, split;

	listen_to(talk, &whole);
	for (size_t size = 1; size < 80; size++) {
		listen_from(talk, 0, size, &split);
		CHECK(!strcmp(whole.text, split.text));
	}
	talk_free(talk);
}

TEST(continuation_padding_priority_and_trailers)
{
	struct talk *talk = talk_new();
	uint8_t block[1024], framed[1200] = {9, 0, 0, 0, 0, 200};
	struct heard heard;
	size_t size;

	greet(talk);
	size = deflate_fields(talk, PROTO_OUT, ASK, block, sizeof(block));
	memcpy(framed + 6, block, 10);
	frame(talk, PROTO_OUT, HTTP2_HEADERS, HTTP2_PADDED | HTTP2_HAS_PRIORITY, 1, framed,
		6 + 10 + 9);
	frame(talk, PROTO_OUT, HTTP2_CONTINUATION, 0, 1, block + 10, 1);
	frame(talk, PROTO_OUT, HTTP2_CONTINUATION, HEAD, 1, block + 11, size - 11);
	memset(framed, 'x', sizeof(framed));
	framed[0] = 30;
	memcpy(framed + 1, ask_body, strlen(ask_body));
	data(talk, PROTO_OUT, 1, HTTP2_PADDED, framed, 1 + strlen(ask_body) + 30);
	headers(talk, PROTO_OUT, 1, ENDS, "x-checksum\n1\n");
	headers(talk, PROTO_IN, 1, 0, ":status\n200\ncontent-type\napplication/json\n");
	data(talk, PROTO_IN, 1, 0, answer_body, strlen(answer_body));
	headers(talk, PROTO_IN, 1, ENDS, "x-request-id\nlate\n");
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 1);
	CHECK_HAS(&heard, "chat m-1|http2|ok|");
	CHECK_HAS(&heard, "|http.request.body.size=44|");
	CHECK_HAS(&heard, "|ragtime.request_id=late|");
	talk_free(talk);
}

TEST(reset_goaway_and_close_fail)
{
	struct talk *talk = talk_new();
	struct heard heard;

	greet(talk);
	for (uint32_t id = 1; id < 8; id += 2)
		headers(talk, PROTO_OUT, id, ENDS, ":method\nGET\n:path\n/a\n");
	frame(talk, PROTO_OUT, HTTP2_RST_STREAM, 0, 1, "\0\0\0\10", 4);
	frame(talk, PROTO_IN, HTTP2_GOAWAY, 0, 0, "\0\0\0\5\0\0\0\13bye", 11);
	headers(talk, PROTO_IN, 3, ENDS, ":status\n204\n");
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 4);
	CHECK_HAS(&heard,
		"failed|14/0|http.request.method=GET|url.template=/a|"
		"error.type=rst_stream.cancel|");
	CHECK_HAS(&heard, "|error.type=goaway.enhance_your_calm|");
	CHECK_HAS(&heard, "|http.response.status_code=204|");
	CHECK_HAS(&heard, "|error.type=connection_closed|");
	talk_free(talk);
}

TEST(missing_body_bytes_spoil_one_body_alone)
{
	struct talk *talk = talk_new();
	char big[5000];
	struct heard heard;

	memset(big, ' ', sizeof(big));
	greet(talk);
	request(talk, 1);
	request(talk, 3);
	headers(talk, PROTO_IN, 1, 0, ANSWER);
	headers(talk, PROTO_IN, 3, 0, ANSWER);
	frame_cut(talk, PROTO_IN, HTTP2_DATA, 0, 1, big, sizeof(big), 100);
	data(talk, PROTO_IN, 3, ENDS, answer_body, strlen(answer_body));
	data(talk, PROTO_IN, 1, ENDS, "x", 1);
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 2);
	CHECK_HAS(&heard, "|http.response.body.size=5001|");
	CHECK_HAS(&heard, "|gen_ai.usage.input_tokens=11|");
	CHECK(!strstr(heard.text, "failed"));
	talk_free(talk);
}

/* The shim holds back what is over its cap, and copies the last of it when the stream is over. */
TEST(late_bytes_find_their_stream)
{
	struct talk *talk = talk_new();
	static const char usage[] = "data: {\"usage\":{\"prompt_tokens\":31,"
				    "\"completion_tokens\":32}}\n\ndata: [DONE]\n\n";
	size_t size = strlen(usage);
	char held[1000 + sizeof(usage)];
	static struct heard heard, split;

	memset(held, 'x', 1000);
	memcpy(held + 1000, usage, size);
	greet(talk);
	headers(talk, PROTO_OUT, 1, 0, ASK);
	data(talk, PROTO_OUT, 1, ENDS, "{\"model\":\"m-1\",\"stream\":true}", 29);
	request(talk, 3);
	headers(talk, PROTO_IN, 1, 0, ":status\n200\ncontent-type\ntext/event-stream\n");
	data(talk, PROTO_IN, 1, 0, "data: {}\n\ndata: {", 17);
	frame_cut(talk, PROTO_IN, HTTP2_DATA, 0, 1, held, 1000 + size, 0);
	data(talk, PROTO_IN, 1, ENDS, NULL, 0);
	say(talk, PROTO_IN, usage, size);
	talk->segments[talk->count - 1].back = size + HTTP2_HEAD;
	response(talk, 3);
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 2);
	CHECK_HAS(&heard, "|gen_ai.usage.input_tokens=31|gen_ai.usage.output_tokens=32|");
	CHECK_HAS(&heard, "|gen_ai.usage.input_tokens=11|gen_ai.usage.output_tokens=7|");
	CHECK(!strstr(heard.text, "failed"));
	for (size_t step = 1; step < 30; step++) {
		listen_from(talk, 0, step, &split);
		CHECK(!strcmp(heard.text, split.text));
	}
	talk_free(talk);
}

TEST(joined_late_unknown_but_never_wrong)
{
	struct talk *talk = talk_new();
	unsigned from;
	struct heard heard;

	greet(talk);
	request(talk, 1);
	response(talk, 1);
	from = talk->count;
	headers(talk, PROTO_OUT, 3, ENDS,
		":method\nPOST\n:path\n/v1/chat/completions\n:authority\napi.example:443\n"
		"traceparent\n00-aa-bb-01\n");
	headers(talk, PROTO_IN, 3, ENDS, ":status\n200\nx-request-id\nreq-7\nretry-after\n5\n");
	headers(talk, PROTO_OUT, 5, ENDS,
		":method\nGET\n:path\n/new\n:authority\nother.example\ntraceparent\n00-cc\n");
	headers(talk, PROTO_IN, 5, ENDS, ":status\n418\nrequest-id\nreq-8\n");
	headers(talk, PROTO_OUT, 7, ENDS, ":method\nGET\n:path\n/new\n:authority\nother.example\n");
	headers(talk, PROTO_IN, 7, ENDS, ":status\n418\nrequest-id\nreq-8\n");
	/* GET, and a path out of the part of the table that was not seen */
	frame(talk, PROTO_OUT, HTTP2_HEADERS, HEAD | ENDS, 9, "\x82\xd0", 2);
	headers(talk, PROTO_IN, 9, ENDS, ":status\n200\n");
	listen_from(talk, from, 0, &heard);
	CHECK_EQ(heard.count, 4);
	/* authority and request id stand in the table's part that was not seen */
	CHECK_HAS(&heard, "chat|http2|ok|");
	CHECK_HAS(&heard, "|ragtime.traceparent=00-aa-bb-01|");
	CHECK_HAS(&heard, "|ragtime.retry_after=5|");
	CHECK(!strstr(heard.text, "api.example") && !strstr(heard.text, "req-7"));
	CHECK_HAS(&heard, "GET unknown|http2|ok|");
	/* the second time they come from the part that was */
	CHECK_HAS(&heard,
		"|server.address=other.example|ragtime.request_id=req-8|"
		"http.response.status_code=418|error.type=418|");
	talk_free(talk);
}

TEST(lost_header_bytes_spoil_no_later_names)
{
	struct talk *talk = talk_new();
	uint8_t block[1024];
	struct heard heard;
	size_t size;

	greet(talk);
	request(talk, 1);
	response(talk, 1);
	size = deflate_fields(talk, PROTO_OUT, ":method\nGET\n:path\n/s\n:authority\nx.example\n",
		block, sizeof(block));
	frame_cut(talk, PROTO_OUT, HTTP2_HEADERS, HEAD | ENDS, 3, block, size, 2);
	headers(talk, PROTO_IN, 3, ENDS, ":status\n200\nx-request-id\nreq-9\n");
	headers(talk, PROTO_OUT, 5, ENDS,
		":method\nGET\n:path\n/s\n:authority\nx.example\ntraceparent\n00-dd\n");
	headers(talk, PROTO_IN, 5, ENDS, ":status\n200\nx-request-id\nreq-9\n");
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 3);
	CHECK(!strstr(heard.text, "x.example"));
	CHECK_HAS(&heard, "|ragtime.traceparent=00-dd|");
	/* the other direction has lost nothing */
	CHECK_HAS(&heard, "|ragtime.request_id=req-9|");
	talk_free(talk);
}

TEST(frames_are_found_again_after_a_gap)
{
	struct talk *talk = talk_new();
	struct heard heard;

	greet(talk);
	request(talk, 1);
	response(talk, 1);
	talk->segments[talk->count++] = (struct segment){.way = PROTO_OUT, .missing = 12345};
	say(talk, PROTO_OUT, "rest of some frame", 18);
	headers(talk, PROTO_OUT, 9, ENDS, ":method\nGET\n:path\n/again\n");
	headers(talk, PROTO_IN, 9, ENDS, ":status\n200\n");
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 2);
	CHECK_HAS(&heard, "GET /again|http2|ok|");
	talk_free(talk);
}

/* One thread's call has sent the request, but another's has read the answer before that was over.
 */
TEST(answers_before_their_requests_wait)
{
	struct talk *talk = talk_new();
	static struct heard heard, split;

	greet(talk);
	request(talk, 1);
	response(talk, 3);
	response(talk, 5);
	response(talk, 1);
	frame(talk, PROTO_OUT, HTTP2_PING, HTTP2_ACK, 0, "12345678", 8);
	request(talk, 3);
	request(talk, 5);
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 3);
	CHECK(!strstr(heard.text, "failed"));
	CHECK_HAS(&heard, "|gen_ai.usage.output_tokens=7|");
	for (size_t size = 1; size < 20; size++) {
		listen_from(talk, 0, size, &split);
		CHECK_EQ(split.count, 3);
		CHECK(!strstr(split.text, "failed"));
	}
	talk_free(talk);
}

TEST(answers_wait_only_so_long)
{
	struct talk *talk = talk_new();
	static uint8_t big[16384];
	struct heard heard;

	greet(talk);
	response(talk, 9);
	for (int i = 0; i < 5; i++)
		data(talk, PROTO_IN, 9, 0, big, sizeof(big));
	request(talk, 11);
	response(talk, 11);
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 1);
	CHECK_HAS(&heard, "chat m-1|http2|ok|");
	talk_free(talk);
}

TEST(too_many_streams_give_up_the_oldest)
{
	struct talk *talk = talk_new();
	struct heard heard;

	greet(talk);
	for (uint32_t i = 0; i < 300; i++)
		headers(talk, PROTO_OUT, 2 * i + 1, ENDS, ":method\nGET\n:path\n/a\n");
	headers(talk, PROTO_IN, 1, ENDS, ":status\n200\n"); /* given up: nobody's */
	headers(talk, PROTO_IN, 599, ENDS, ":status\n206\n");
	listen_to(talk, &heard);
	CHECK_EQ(heard.count, 300);
	CHECK_HAS(&heard, "|http.response.status_code=206|");
	CHECK(!strstr(heard.text, "|http.response.status_code=200|"));
	talk_free(talk);
}

TEST(garbage_is_left_alone)
{
	uint32_t seed = 7;
	struct heard heard;

	for (int round = 0; round < 50; round++) {
		struct talk *talk = talk_new();
		uint8_t bytes[4096];

		if (round % 2)
			greet(talk);
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = (uint8_t)(seed >> 24);
		}
		say(talk, PROTO_OUT, bytes, sizeof(bytes));
		say(talk, PROTO_IN, bytes, sizeof(bytes));
		listen_from(talk, 0, 100, &heard);
		CHECK_EQ(heard.count, 0);
		talk_free(talk);
	}
}

TEST(header_blocks_of_nonsense_end_it)
{
	struct talk *talk = talk_new();
	struct heard heard;

	greet(talk);
	for (uint32_t i = 0; i < 40; i++)
		frame(talk, PROTO_OUT, HTTP2_HEADERS, HEAD, 2 * i + 1, "\xff\xff\xff\xff\xff\xff",
			6);
	CHECK_EQ(listen_from(talk, 0, 0, &heard), PROTO_NOT_MINE);
	CHECK_EQ(heard.count, 0);
	talk_free(talk);
}

static enum proto_verdict probe(const void *bytes, size_t size)
{
	return protocol_http2.probe(PROTO_IN, bytes, size);
}

TEST(probe_knows_its_own)
{
	static const uint8_t startup[] = {0, 0, 0, 41, 0, 3, 0, 0, 'u', 's', 'e', 'r'};
	static const uint8_t settings[] = {0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100};

	CHECK_EQ(probe(HTTP2_PREFACE, 5), PROTO_NEED_MORE);
	CHECK_EQ(probe(HTTP2_PREFACE, HTTP2_PREFACE_SIZE), PROTO_OK);
	CHECK_EQ(probe("PRI x", 5), PROTO_NOT_MINE);
	CHECK_EQ(probe(settings, 8), PROTO_NEED_MORE);
	CHECK_EQ(probe(settings, sizeof(settings)), PROTO_OK);
	CHECK_EQ(probe(startup, sizeof(startup)), PROTO_NOT_MINE);
	CHECK_EQ(probe("*1\r\n$4\r\nPING\r\n", 14), PROTO_NOT_MINE);
	CHECK_EQ(probe("GET / HTTP/1.1\r\n", 16), PROTO_NOT_MINE);
}

UNIT_MAIN
