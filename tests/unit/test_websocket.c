/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket behind its upgrade: frames, turns, the realtime API, compression, what was lost. */
#include <zlib.h>

#include "tests/unit/proto_host.h"

#define UPGRADE                                                              \
	"GET /v1/realtime?model=secret HTTP/1.1\r\nHost: api.openai.com\r\n" \
	"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: PLANTED==\r\n\r\n"
#define CHAT                                                             \
	"GET /chat/0b9f7f9e6f1c4c4c9a37 HTTP/1.1\r\nHost: chat.test\r\n" \
	"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
#define SWITCHED "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
#define UPGRADED                                                                    \
	"GET /v1/realtime | 9 | http.request.method=GET url.template=/v1/realtime " \
	"server.address=api.openai.com http.response.status_code=101 | 135/77\n"
#define CHATTED                                                                 \
	"GET /chat/{id} | 9 | http.request.method=GET url.template=/chat/{id} " \
	"server.address=chat.test http.response.status_code=101 | 101/77\n"

#define TALK_MAX 64

struct talk {
	struct proto_turn turns[TALK_MAX];
	struct buf bytes[TALK_MAX];
	size_t count;
};

static struct buf *talk_turn(struct talk *talk, enum proto_way way)
{
	talk->turns[talk->count].way = way;
	return &talk->bytes[talk->count++];
}

static void talk_raw(struct talk *talk, enum proto_way way, const char *text)
{
	buf_puts(talk_turn(talk, way), text);
}

static void put_frame(
	struct buf *out, uint8_t first, bool is_masked, const void *bytes, size_t size)
{
	static const uint8_t mask[] = {0x9a, 0x00, 0x7f, 0x21};
	uint8_t head[10] = {first, (uint8_t)(is_masked ? 0x80 : 0)};
	size_t head_size = size < 126 ? 2 : size < 65536 ? 4 : 10;

	head[1] |= size < 126 ? (uint8_t)size : size < 65536 ? 126 : 127;
	for (size_t i = 0; i + 2 < head_size; i++)
		head[head_size - 1 - i] = (uint8_t)((uint64_t)size >> 8 * i);
	buf_append(out, head, head_size);
	if (is_masked)
		buf_append(out, mask, sizeof(mask));
	for (size_t i = 0; i < size; i++) {
		uint8_t byte =
			(uint8_t)(((const uint8_t *)bytes)[i] ^ (is_masked ? mask[i & 3] : 0));

		buf_append(out, &byte, 1);
	}
}

static void says(struct talk *talk, const char *text)
{
	put_frame(talk_turn(talk, PROTO_OUT), 0x81, true, text, strlen(text));
}

static void hears(struct talk *talk, const char *text)
{
	put_frame(talk_turn(talk, PROTO_IN), 0x81, false, text, strlen(text));
}

static void talk_begin(struct talk *talk, const char *request)
{
	memset(talk, 0, sizeof(*talk));
	talk_raw(talk, PROTO_OUT, request);
	talk_raw(talk, PROTO_IN, SWITCHED "\r\n");
}

static void talk_check(struct talk *talk, const char *expected)
{
	for (size_t i = 0; i < talk->count; i++) {
		if (!talk->bytes[i].size)
			continue; /* a gap */
		talk->turns[i].bytes = (const char *)talk->bytes[i].data;
		talk->turns[i].size = talk->bytes[i].size;
	}
	proto_check(&protocol_http1, talk->turns, talk->count, expected);
	for (size_t i = 0; i < talk->count; i++)
		buf_free(&talk->bytes[i]);
}

TEST(turns_of_a_socket_that_no_dialect_knows)
{
	struct talk talk;

	talk_begin(&talk, CHAT);
	says(&talk, "PLANTED hello");
	says(&talk, "PLANTED again");
	hears(&talk, "PLANTED one");
	put_frame(talk_turn(&talk, PROTO_IN), 0x89, false, "ping", 4);
	put_frame(talk_turn(&talk, PROTO_OUT), 0x8a, true, "ping", 4);
	hears(&talk, "PLANTED two");
	says(&talk, "PLANTED more");
	put_frame(talk_turn(&talk, PROTO_IN), 0x82, false, "\0\1\2", 3);
	put_frame(talk_turn(&talk, PROTO_OUT), 0x88, true, "\x03\xe8", 2);
	put_frame(talk_turn(&talk, PROTO_IN), 0x88, false, "\x03\xe8", 2);
	talk_check(&talk,
		CHATTED
		"WS /chat/{id} | 9 | network.protocol.name=websocket url.template=/chat/{id} "
		"server.address=chat.test ragtime.messages_sent=2 ragtime.messages_received=2 | "
		"38/26\n"
		"WS /chat/{id} | 9 | network.protocol.name=websocket url.template=/chat/{id} "
		"server.address=chat.test ragtime.messages_sent=1 ragtime.messages_received=1 | "
		"18/5\n");
}

TEST(what_a_server_says_unasked)
{
	struct talk talk;

	talk_begin(&talk, CHAT);
	hears(&talk, "tick");
	hears(&talk, "tock");
	put_frame(talk_turn(&talk, PROTO_IN), 0x88, false, "\x03\xf3", 2);
	talk_check(&talk,
		CHATTED
		"WS /chat/{id} | 9 | failed | network.protocol.name=websocket "
		"url.template=/chat/{id} server.address=chat.test error.type=websocket_1011 "
		"ragtime.messages_sent=0 ragtime.messages_received=2 | 0/12\n");
}

#define SESSION                                                                        \
	"{\"type\":\"session.created\",\"event_id\":\"e1\",\"session\":{\"id\":\"s\"," \
	"\"model\":\"gpt-realtime\",\"instructions\":\"PLANTED\"}}"
#define CREATE                                                                      \
	"{\"type\":\"response.create\",\"response\":{\"instructions\":\"PLANTED\"," \
	"\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"max_output_tokens\":99}}"
#define CREATED(id)                                                                     \
	"{\"type\":\"response.created\",\"event_id\":\"e2\",\"response\":{\"id\":\"" id \
	"\",\"status\":\"in_progress\"}}"
#define DELTA(id)                                    \
	"{\"event_id\":\"e3\",\"response_id\":\"" id \
	"\",\"delta\":\"PLANTED\",\"type\":\"response.output_text.delta\"}"
#define DONE(id, status, out)                                                               \
	"{\"type\":\"response.done\",\"response\":{\"id\":\"" id "\",\"status\":\"" status  \
	"\",\"output\":[{\"type\":\"function_call\",\"name\":\"look_up\","                  \
	"\"arguments\":\"{PLANTED}\"}],\"usage\":{\"total_tokens\":30,\"input_tokens\":20," \
	"\"output_tokens\":" out ",\"input_token_details\":{\"cached_tokens\":5,"           \
	"\"audio_tokens\":7}}}}"
#define ITEM "{\"type\":\"conversation.item.create\",\"item\":{\"content\":\"PLANTED\"}}"
#define FACTS                                                        \
	"network.protocol.name=websocket url.template=/v1/realtime " \
	"server.address=api.openai.com gen_ai.operation.name=chat "  \
	"gen_ai.provider.name=openai gen_ai.request.stream=yes "
#define ASKED                                                   \
	"ragtime.tools_offered=2 gen_ai.request.max_tokens=99 " \
	"gen_ai.request.model=gpt-realtime "
#define USED(id, status, out)                                              \
	"gen_ai.response.id=" id " gen_ai.response.finish_reasons=" status \
	" ragtime.tools_called=look_up ragtime.tool_argument_bytes=9 "     \
	"gen_ai.usage.input_tokens=20 gen_ai.usage.output_tokens=" out     \
	" gen_ai.usage.cache_read.input_tokens=5 ragtime.audio_input_tokens=7 "

#define UNASKED(id, status, out)                                                           \
	FACTS "gen_ai.response.id=" id " gen_ai.request.model=gpt-realtime "               \
	      "gen_ai.response.finish_reasons=" status " ragtime.tools_called=look_up "    \
	      "ragtime.tool_argument_bytes=9 gen_ai.usage.input_tokens=20 "                \
	      "gen_ai.usage.output_tokens=" out " gen_ai.usage.cache_read.input_tokens=5 " \
	      "ragtime.audio_input_tokens=7 "

/* One answer that was asked for and one that the server begins when the speaker has paused. */
static void say_realtime(struct talk *talk)
{
	hears(talk, SESSION);
	says(talk, ITEM);
	says(talk, CREATE);
	hears(talk, CREATED("r1"));
	hears(talk, DELTA("r1"));
	hears(talk,
		"{\"type\":\"conversation.item.input_audio_transcription.delta\","
		"\"delta\":\"PLANTED\"}");
	hears(talk, DELTA("r1"));
	hears(talk, DONE("r1", "completed", "10"));
	hears(talk, CREATED("r2"));
	hears(talk, DONE("r2", "cancelled", "3"));
}

TEST(realtime_from_create_to_done)
{
	struct talk talk;

	talk_begin(&talk, UPGRADE);
	say_realtime(&talk);
	talk_check(&talk,
		UPGRADED "chat gpt-realtime | 6 | " FACTS ASKED USED(
			"r1", "completed", "10") "| 129/548\n"
						 "chat gpt-realtime | 6 | " UNASKED(
							 "r2", "cancelled", "3") "| 0/363\n");
}

TEST(realtime_tokens_are_the_deltas_of_the_answer)
{
	struct proto_host host = {0};
	struct talk talk;

	talk_begin(&talk, UPGRADE);
	say_realtime(&talk);
	for (size_t i = 0; i < talk.count; i++) {
		talk.turns[i].bytes = (const char *)talk.bytes[i].data;
		talk.turns[i].size = talk.bytes[i].size;
	}
	/* without the second answer */
	proto_told(&host, &protocol_http1, talk.turns, talk.count - 2, 0, 0, 0);
	CHECK_EQ(host.exchanges, 2);
	CHECK_EQ(host.last.tokens.frames, 2);
	CHECK_STR(host.last.tokens.first_kind, "delta");
	CHECK_EQ(host.last.begin, 50);
	CHECK_EQ(host.last.first_byte, 60);
	CHECK_EQ(host.last.tokens.first, 70);
	CHECK_EQ(host.last.tokens.last, 90);
	CHECK_EQ(host.last.end, 100);
	buf_free(&host.told);
	for (size_t i = 0; i < talk.count; i++)
		buf_free(&talk.bytes[i]);
}

TEST(realtime_answers_that_overlap)
{
	struct talk talk;

	talk_begin(&talk, UPGRADE);
	hears(&talk, SESSION);
	says(&talk, CREATE);
	says(&talk, CREATE);
	hears(&talk, CREATED("r1"));
	hears(&talk, CREATED("r2"));
	hears(&talk, DELTA("r2"));
	hears(&talk, DONE("r2", "completed", "2"));
	hears(&talk, DELTA("r1"));
	hears(&talk, DONE("r1", "failed", "1"));
	says(&talk, CREATE);
	hears(&talk,
		"{\"type\":\"error\",\"error\":{\"code\":\"bad_thing\",\"message\":\"PLANTED\"}}");
	talk_check(&talk,
		UPGRADED "chat gpt-realtime | 6 | " FACTS ASKED USED("r2", "completed",
			"2") "| 129/455\n"
			     "chat gpt-realtime | 6 | failed | " FACTS ASKED
			     "gen_ai.response.id=r1 gen_ai.response.finish_reasons=failed error.type=failed "
			     "ragtime.tools_called=look_up ragtime.tool_argument_bytes=9 "
			     "gen_ai.usage.input_tokens=20 gen_ai.usage.output_tokens=1 "
			     "gen_ai.usage.cache_read.input_tokens=5 ragtime.audio_input_tokens=7 | 129/452\n"
			     "chat gpt-realtime | 6 | failed | " FACTS ASKED
			     "error.type=bad_thing | 129/67\n");
}

/* As when a client asks before it has read what the server said first. */
TEST(the_model_of_a_session_told_late)
{
	struct talk talk;

	talk_begin(&talk, UPGRADE);
	says(&talk, CREATE);
	hears(&talk, SESSION);
	hears(&talk, CREATED("r1"));
	hears(&talk, DONE("r1", "completed", "10"));
	says(&talk, CREATE);
	hears(&talk, CREATED("r2"));
	hears(&talk, DONE("r2", "completed", "11"));
	talk_check(&talk,
		UPGRADED "chat gpt-realtime | 6 | " FACTS ASKED USED(
			"r1", "completed", "10") "| 129/364\n"
						 "chat gpt-realtime | 6 | " FACTS ASKED USED(
							 "r2", "completed", "11") "| 129/364\n");
}

TEST(an_answer_cut_short_has_failed)
{
	struct talk talk;

	talk_begin(&talk, UPGRADE);
	says(&talk, CREATE);
	hears(&talk, CREATED("r1"));
	talk_check(&talk,
		UPGRADED
		"chat | 6 | failed | " FACTS
		"ragtime.tools_offered=2 gen_ai.request.max_tokens=99 gen_ai.response.id=r1 "
		"error.type=connection_closed | 129/91\n");
}

/* A message as permessage-deflate has it, in two frames with a ping between them. */
static void hears_packed(struct talk *talk, z_stream *stream, const char *text)
{
	struct buf *out = talk_turn(talk, PROTO_IN);
	uint8_t packed[4096];
	size_t size;

	stream->next_in = (uint8_t *)text;
	stream->avail_in = (unsigned)strlen(text);
	stream->next_out = packed;
	stream->avail_out = sizeof(packed);
	deflate(stream, Z_SYNC_FLUSH);
	size = sizeof(packed) - stream->avail_out - 4;
	put_frame(out, 0x41, false, packed, size / 2);
	put_frame(out, 0x89, false, "", 0);
	put_frame(out, 0x80, false, packed + size / 2, size - size / 2);
}

static void check_packed(const char *extensions, bool keeps_window, const char *expected)
{
	z_stream stream = {0};
	struct talk talk = {0};

	talk_raw(&talk, PROTO_OUT, UPGRADE);
	buf_printf(talk_turn(&talk, PROTO_IN), SWITCHED "Sec-WebSocket-Extensions: %s\r\n\r\n",
		extensions);
	deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	says(&talk, CREATE);
	hears_packed(&talk, &stream, CREATED("r1"));
	if (!keeps_window)
		deflateReset(&stream);
	hears_packed(&talk, &stream, DONE("r1", "completed", "10"));
	deflateEnd(&stream);
	talk_check(&talk, expected);
}

#define PACKED(upgraded, moved)                                                       \
	"GET /v1/realtime | 9 | http.request.method=GET url.template=/v1/realtime "   \
	"server.address=api.openai.com http.response.status_code=101 | 135/" upgraded \
	"\nchat | 6 | " FACTS                                                         \
	"ragtime.tools_offered=2 gen_ai.request.max_tokens=99 gen_ai.response.id=r1 " \
	"gen_ai.response.finish_reasons=completed ragtime.tools_called=look_up "      \
	"ragtime.tool_argument_bytes=9 gen_ai.usage.input_tokens=20 "                 \
	"gen_ai.usage.output_tokens=10 gen_ai.usage.cache_read.input_tokens=5 "       \
	"ragtime.audio_input_tokens=7 | 129/" moved "\n"

TEST(compressed_fragments_with_control_frames_between)
{
	check_packed("permessage-deflate", true, PACKED("123", "227"));
	check_packed("permessage-deflate; server_no_context_takeover", false, PACKED("151", "250"));
}

TEST(finds_its_way_back_after_a_gap)
{
	struct talk talk;

	talk_begin(&talk, UPGRADE);
	says(&talk, CREATE);
	hears(&talk, CREATED("r1"));
	hears(&talk, DELTA("r1"));
	talk.bytes[talk.count - 1].size -= 20;
	talk.turns[talk.count].way = PROTO_IN;
	talk.turns[talk.count++].size = 4000;
	buf_puts(talk_turn(&talk, PROTO_IN), "the rest of a frame\"}");
	hears(&talk, DONE("r1", "completed", "10"));
	talk_check(&talk,
		UPGRADED
		"chat | 6 | " FACTS
		"ragtime.tools_offered=2 gen_ai.request.max_tokens=99 gen_ai.response.id=r1 "
		"gen_ai.response.finish_reasons=completed ragtime.tools_called=look_up "
		"ragtime.tool_argument_bytes=9 gen_ai.usage.input_tokens=20 "
		"gen_ai.usage.output_tokens=10 gen_ai.usage.cache_read.input_tokens=5 "
		"ragtime.audio_input_tokens=7 | 129/364\n");
}

TEST(a_hole_inside_a_long_message)
{
	static char rest[1000];
	struct talk talk;

	memset(rest, 'x', sizeof(rest) - 1);
	talk_begin(&talk, CHAT);
	says(&talk, "go");
	put_frame(talk_turn(&talk, PROTO_IN), 0x81, false, rest, sizeof(rest) - 1);
	talk.bytes[talk.count - 1].size -= 500;
	talk.turns[talk.count].way = PROTO_IN;
	talk.turns[talk.count++].size = 500;
	hears(&talk, "next");
	talk_check(&talk,
		CHATTED
		"WS /chat/{id} | 9 | network.protocol.name=websocket url.template=/chat/{id} "
		"server.address=chat.test ragtime.messages_sent=1 ragtime.messages_received=2 | "
		"8/509\n");
}

TEST(what_is_no_frame_ends_it)
{
	struct talk talk;

	talk_begin(&talk, CHAT);
	put_frame(talk_turn(&talk, PROTO_OUT), 0x81, false, "not masked", 10);
	talk_check(&talk, CHATTED "LOST\n");
}

UNIT_MAIN
