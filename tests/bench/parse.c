/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse COUNT: what reading an exchange costs, and what the libraries made for it take for the same
 * bytes: memchr over bodies that nobody asked for, llhttp for heads, nghttp2 for streams. One
 * process, pieces of each by turns, the median of many; the time that a thread has used, not that
 * of the wall.
 */
#include <llhttp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocols/protocol.h"

#define ROUNDS 41
#define PIECE 16384
#define BODY (4u << 20)
#define STREAMS 100 /* exchanges at a time */

extern const struct protocol protocol_http1, protocol_http2;

static uint64_t done;

static void take(void *context, const struct exchange *exchange)
{
	(void)context;
	(void)exchange;
	done++;
}

static uint64_t no_hash(void *context, const void *bytes, size_t size)
{
	(void)context;
	(void)bytes;
	return size;
}

static struct exchange_host host = {.done = take, .hash = no_hash};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_value(const void *left, const void *right)
{
	const double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

struct series {
	const char *name;
	double samples[ROUNDS];
};

static void print_median(struct series *series)
{
	qsort(series->samples, ROUNDS, sizeof(double), by_value);
	fprintf(stderr, " %s=%.4g", series->name, series->samples[ROUNDS / 2]);
}

static void check(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "parse: %s\n", what);
	exit(1);
}

/* ---- ours ---- */

static void feed(const struct protocol *protocol, void *state, enum proto_way way,
	const void *bytes, size_t size)
{
	static uint64_t ticks = 1, position[2];
	struct proto_piece piece = {
		.bytes = bytes, .size = size, .ticks = ticks++, .position = position[way]};

	position[way] += size;
	check(protocol->feed(state, way, &piece) == PROTO_OK, "a piece was refused");
}

static void *open_state(const struct protocol *protocol)
{
	void *state = calloc(1, protocol->state_size);

	check(state != NULL, "out of memory");
	protocol->open(state, &host);
	return state;
}

static void close_state(const struct protocol *protocol, void *state)
{
	protocol->close(state, 1);
	free(state);
}

/* ---- bodies that are only passed through ---- */

static char *body;

static double read_body(void)
{
	static const char request[] = "GET /files/weights.bin HTTP/1.1\r\nHost: files\r\n\r\n";
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
				   "Content-Length: 4194304\r\n\r\n";
	void *state = open_state(&protocol_http1);
	double begin = now(), took;

	feed(&protocol_http1, state, PROTO_OUT, request, sizeof(request) - 1);
	feed(&protocol_http1, state, PROTO_IN, head, sizeof(head) - 1);
	for (size_t at = 0; at < BODY; at += PIECE)
		feed(&protocol_http1, state, PROTO_IN, body + at, PIECE);
	took = now() - begin;
	close_state(&protocol_http1, state);
	return took / BODY;
}

static double search_body(void)
{
	double begin = now();

	for (size_t at = 0; at < BODY; at += PIECE)
		check(!memchr(body + at, 0, PIECE), "the body has a zero");
	return (now() - begin) / BODY;
}

/* ---- HTTP/1 ---- */

static const char request1[] = "GET /v1/items/4711?verbose=1 HTTP/1.1\r\nHost: api.example\r\n"
			       "User-Agent: client/2.31.0\r\nAccept-Encoding: gzip, deflate\r\n"
			       "Accept: */*\r\nConnection: keep-alive\r\n"
			       "X-Request-Id: 0af7651916cd43dd\r\n\r\n";
static const char response1[] = "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 20:00:00 GMT\r\n"
				"Server: uvicorn\r\nContent-Length: 2\r\n"
				"Content-Type: application/json\r\n\r\n{}";

static double read_http1(unsigned count)
{
	void *state = open_state(&protocol_http1);
	uint64_t before = done;
	double begin = now(), took;

	for (unsigned i = 0; i < count; i++) {
		feed(&protocol_http1, state, PROTO_OUT, request1, sizeof(request1) - 1);
		feed(&protocol_http1, state, PROTO_IN, response1, sizeof(response1) - 1);
	}
	took = now() - begin;
	check(done == before + count, "exchanges are missing");
	close_state(&protocol_http1, state);
	return took / count;
}

static unsigned heads;

static int head_is_over(llhttp_t *parser)
{
	(void)parser;
	heads++;
	return 0;
}

static double read_llhttp(unsigned count)
{
	llhttp_settings_t settings;
	llhttp_t request, response;
	double begin;

	llhttp_settings_init(&settings);
	settings.on_headers_complete = head_is_over;
	llhttp_init(&request, HTTP_REQUEST, &settings);
	llhttp_init(&response, HTTP_RESPONSE, &settings);
	heads = 0;
	begin = now();
	for (unsigned i = 0; i < count; i++) {
		llhttp_execute(&request, request1, sizeof(request1) - 1);
		llhttp_execute(&response, response1, sizeof(response1) - 1);
	}
	check(heads == 2 * count, "llhttp saw fewer heads");
	return (now() - begin) / count;
}

/* ---- HTTP/2 ---- */

struct message {
	uint8_t bytes[4096];
	size_t size;
};

/* A client and a server that talk, message by message. */
struct talk {
	nghttp2_session *client, *server;
	struct message preface[2];
	struct message requests[STREAMS], responses[STREAMS];
	int32_t ids[STREAMS];
	unsigned arrived, answered;
};

#define FIELD(name, value)                                                                  \
	{                                                                                   \
		(uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1, \
			NGHTTP2_NV_FLAG_NONE                                                \
	}

static const nghttp2_nv request2[] = {FIELD(":method", "GET"), FIELD(":scheme", "https"),
	FIELD(":authority", "api.example"), FIELD(":path", "/v1/items/4711?verbose=1"),
	FIELD("user-agent", "client/2.31.0"), FIELD("accept", "*/*"),
	FIELD("accept-encoding", "gzip, deflate"), FIELD("x-request-id", "0af7651916cd43dd")};
static const nghttp2_nv response2[] = {FIELD(":status", "200"),
	FIELD("date", "Sat, 21 Nov 2026 20:00:00 GMT"), FIELD("server", "uvicorn"),
	FIELD("content-length", "2"), FIELD("content-type", "application/json")};

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct talk *talk = context;

	if (session == talk->server && frame->hd.type == NGHTTP2_HEADERS)
		talk->ids[talk->arrived++ % STREAMS] = frame->hd.stream_id;
	return 0;
}

static int on_end(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	struct talk *talk = context;

	(void)id;
	(void)code;
	talk->answered += session == talk->client;
	return 0;
}

static ssize_t give_body(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t size,
	uint32_t *flags, nghttp2_data_source *source, void *context)
{
	(void)session, (void)id, (void)size, (void)source, (void)context;
	memcpy(bytes, "{}", 2);
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	return 2;
}

static void collect(nghttp2_session *session, struct message *message)
{
	const uint8_t *bytes;
	ssize_t size;

	message->size = 0;
	while ((size = nghttp2_session_mem_send(session, &bytes)) > 0) {
		check(message->size + (size_t)size <= sizeof(message->bytes), "a long message");
		memcpy(message->bytes + message->size, bytes, (size_t)size);
		message->size += (size_t)size;
	}
}

static double receive(nghttp2_session *session, const struct message *messages, unsigned count)
{
	double begin = now();

	for (unsigned i = 0; i < count; i++)
		check(nghttp2_session_mem_recv(session, messages[i].bytes, messages[i].size) ==
				(ssize_t)messages[i].size,
			"nghttp2 refused a message");
	return now() - begin;
}

static void talk_open(struct talk *talk)
{
	nghttp2_session_callbacks *calls;

	memset(talk, 0, sizeof(*talk));
	nghttp2_session_callbacks_new(&calls);
	nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_end);
	nghttp2_session_client_new(&talk->client, calls, talk);
	nghttp2_session_server_new(&talk->server, calls, talk);
	nghttp2_session_callbacks_del(calls);
	nghttp2_submit_settings(talk->client, NGHTTP2_FLAG_NONE, NULL, 0);
	nghttp2_submit_settings(talk->server, NGHTTP2_FLAG_NONE, NULL, 0);
	collect(talk->client, &talk->preface[0]);
	collect(talk->server, &talk->preface[1]);
	receive(talk->server, &talk->preface[0], 1);
	receive(talk->client, &talk->preface[1], 1);
}

/* STREAMS exchanges; how long both ends took to read them. */
static double talk_on(struct talk *talk)
{
	nghttp2_data_provider give = {.read_callback = give_body};
	double took;

	for (unsigned i = 0; i < STREAMS; i++) {
		nghttp2_submit_request(talk->client, NULL, request2,
			sizeof(request2) / sizeof(*request2), NULL, NULL);
		collect(talk->client, &talk->requests[i]);
	}
	took = receive(talk->server, talk->requests, STREAMS);
	for (unsigned i = 0; i < STREAMS; i++) {
		nghttp2_submit_response(talk->server, talk->ids[i], response2,
			sizeof(response2) / sizeof(*response2), &give);
		collect(talk->server, &talk->responses[i]);
	}
	return took + receive(talk->client, talk->responses, STREAMS);
}

/* The same bytes read by us, and by the two ends themselves. */
static void read_http2(unsigned count, double *ours, double *theirs)
{
	static struct talk talk;
	void *state = open_state(&protocol_http2);
	uint64_t before = done;
	unsigned read = 0;

	*ours = *theirs = 0;
	talk_open(&talk);
	for (int i = 0; i < 2; i++)
		feed(&protocol_http2, state, (enum proto_way)i, talk.preface[i].bytes,
			talk.preface[i].size);
	for (; read < count; read += STREAMS) {
		double begin;

		*theirs += talk_on(&talk);
		begin = now();
		for (unsigned i = 0; i < STREAMS; i++)
			feed(&protocol_http2, state, PROTO_OUT, talk.requests[i].bytes,
				talk.requests[i].size);
		for (unsigned i = 0; i < STREAMS; i++)
			feed(&protocol_http2, state, PROTO_IN, talk.responses[i].bytes,
				talk.responses[i].size);
		*ours += now() - begin;
	}
	check(done == before + read && talk.answered == read, "streams are missing");
	*ours /= read;
	*theirs /= read;
	nghttp2_session_del(talk.client);
	nghttp2_session_del(talk.server);
	close_state(&protocol_http2, state);
}

int main(int argc, char **argv)
{
	static struct series series[] = {{.name = "body"}, {.name = "memchr"}, {.name = "http1"},
		{.name = "llhttp"}, {.name = "http2"}, {.name = "nghttp2"}};
	unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;

	body = malloc(BODY);
	check(body && count, "usage: parse COUNT");
	memset(body, 'x', BODY);
	for (int round = 0; round < ROUNDS; round++) {
		series[0].samples[round] = read_body();
		series[1].samples[round] = search_body();
		series[2].samples[round] = read_http1(count);
		series[3].samples[round] = read_llhttp(count);
		read_http2(count, &series[4].samples[round], &series[5].samples[round]);
	}
	fprintf(stderr, "parse");
	for (size_t i = 0; i < sizeof(series) / sizeof(*series); i++)
		print_median(&series[i]);
	fprintf(stderr, "\n");
	return 0;
}
