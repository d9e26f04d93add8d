/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.0 and 1.1: pipelining, keep-alive, chunked bodies with trailers, 1xx, HEAD/204/304,
 * bodies that end with the connection, upgrades (to WebSocket; any other ends what is understood).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocols/http.h"
#include "protocols/protocol.h"
#include "protocols/websocket.h"

/* A longer line is cut: what is kept of it is still parsed. */
#define LINE_MAX_BYTES 16384
/* Requests that wait for their answers on one connection. */
#define PIPELINE 64

enum state {
	STATE_START, /* of a request or status line */
	STATE_HEADERS,
	STATE_BODY,	   /* `left` bytes */
	STATE_BODY_TO_END, /* of the connection */
	STATE_CHUNK_SIZE,
	STATE_CHUNK_DATA,
	STATE_CHUNK_END,
	STATE_BLIND, /* in a chunked body, after a gap: ends where the last chunk seems to */
	STATE_TRAILERS,
	STATE_LOST,   /* looks for the next start line */
	STATE_SOCKET, /* WebSocket has taken over */
	STATE_OTHER,  /* another protocol has */
};

struct half {
	enum state state;
	uint64_t left;
	bool has_length, is_chunked;
	struct proto_piece begun; /* the piece that the line at hand began in, without its bytes */
	size_t unclaimed;	  /* bytes of a start line whose exchange is yet to begin */
	size_t line_size;
	char line[LINE_MAX_BYTES];
};

struct http1 {
	struct exchange_host *host;
	bool knows_sides;
	enum proto_way request_way;
	struct half request, response;
	unsigned status;
	bool upgrade, to_socket;
	char extensions[128]; /* that the server has accepted for the socket */
	struct websocket *socket;
	/* oldest first; the last one's request may still be under way */
	struct http_stream *streams[PIPELINE];
	unsigned count;
	bool request_open; /* streams[count - 1] is still being sent */
};

static const char *const methods[] = {"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "PATCH ",
	"OPTIONS ", "CONNECT ", "TRACE ", "PROPFIND ", "REPORT ", "SEARCH "};

/* Does text begin with one of the methods, or may it? */
static enum proto_verdict begins_request(const char *text, size_t size)
{
	enum proto_verdict verdict = PROTO_NOT_MINE;

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		size_t length = strlen(methods[i]);

		if (memcmp(text, methods[i], size < length ? size : length) != 0)
			continue;
		if (size >= length)
			return PROTO_OK;
		verdict = PROTO_NEED_MORE;
	}
	return verdict;
}

static enum proto_verdict begins_response(const char *text, size_t size)
{
	if (memcmp(text, "HTTP/1.", size < 7 ? size : 7) != 0)
		return PROTO_NOT_MINE;
	return size >= 7 ? PROTO_OK : PROTO_NEED_MORE;
}

static enum proto_verdict http1_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	enum proto_verdict request = begins_request((const char *)bytes, size);
	enum proto_verdict response = begins_response((const char *)bytes, size);

	(void)way;
	if (request == PROTO_OK || response == PROTO_OK)
		return PROTO_OK;
	return request == PROTO_NEED_MORE || response == PROTO_NEED_MORE ? PROTO_NEED_MORE
									 : PROTO_NOT_MINE;
}

static void http1_open(void *state, struct exchange_host *host)
{
	struct http1 *http = state;

	http->host = host;
}

/* The request that the next response answers. */
static struct http_stream *oldest(const struct http1 *http)
{
	return http->count ? http->streams[0] : NULL;
}

static struct http_stream *newest(const struct http1 *http)
{
	return http->count && http->request_open ? http->streams[http->count - 1] : NULL;
}

static void finish_oldest(struct http1 *http, uint64_t ticks, bool broken)
{
	if (!http->count)
		return;
	http_finish(http->streams[0], ticks, broken);
	http->count--;
	memmove(http->streams, http->streams + 1, http->count * sizeof(*http->streams));
	if (!http->count)
		http->request_open = false;
}

static struct http_stream *stream_of(const struct http1 *http, bool is_request)
{
	return is_request ? newest(http) : oldest(http);
}

/* ---- heads ---- */

/* "METHOD target HTTP/1.x" */
static bool request_line(
	struct http1 *http, const struct half *half, const struct proto_piece *piece)
{
	const char *line = half->line, *end = line + half->line_size;
	const char *space = memchr(line, ' ', half->line_size);
	const char *target_end = end;
	struct http_stream *stream;

	if (!space || begins_request(line, half->line_size) != PROTO_OK)
		return false;
	for (const char *at = space + 1; at < end; at++) {
		if (*at == ' ')
			target_end = at;
	}
	if (http->count == PIPELINE)
		finish_oldest(http, piece->ticks, true);
	stream = http_begin(http->host, "http1", http->request_way, &half->begun);
	if (!stream)
		return false;
	http_request(
		stream, line, (size_t)(space - line), space + 1, (size_t)(target_end - space - 1));
	http->streams[http->count++] = stream;
	http->request_open = true;
	return true;
}

/* "HTTP/1.x NNN reason" */
static bool status_line(struct http1 *http, const struct half *half)
{
	const char *line = half->line;

	if (half->line_size < 12 || begins_response(line, half->line_size) != PROTO_OK)
		return false;
	http->status = 0;
	for (int i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9')
			return false;
		http->status = http->status * 10 + (unsigned)(line[i] - '0');
	}
	if ((http->status >= 200 || http->status == 101) && oldest(http))
		http_status(oldest(http), http->status);
	return true;
}

static bool ends_with_chunked(const char *value, size_t size)
{
	return size >= 7 && !strncasecmp(value + size - 7, "chunked", 7);
}

static void framing_header(
	struct half *half, const char *name, size_t name_size, const char *value, size_t value_size)
{
	if (http_name_is(name, name_size, "content-length")) {
		half->left = 0;
		half->has_length = value_size > 0;
		for (size_t i = 0; i < value_size && half->has_length; i++) {
			half->has_length =
				value[i] >= '0' && value[i] <= '9' && half->left < UINT64_MAX / 16;
			half->left = half->left * 10 + (uint64_t)(value[i] - '0');
		}
	} else if (http_name_is(name, name_size, "transfer-encoding")) {
		half->is_chunked = ends_with_chunked(value, value_size);
	}
}

/* Of a 101 response. */
static void upgrade_header(struct http1 *http, const char *name, size_t name_size,
	const char *value, size_t value_size)
{
	if (http_name_is(name, name_size, "upgrade"))
		http->to_socket = http_name_is(value, value_size, "websocket");
	else if (http_name_is(name, name_size, "sec-websocket-extensions"))
		snprintf(
			http->extensions, sizeof(http->extensions), "%.*s", (int)value_size, value);
}

static void header_line(struct http1 *http, struct half *half, bool is_request)
{
	const char *line = half->line, *end = line + half->line_size;
	const char *colon = memchr(line, ':', half->line_size);
	struct http_stream *stream = stream_of(http, is_request);
	const char *value;

	if (!colon)
		return;
	value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	framing_header(half, line, (size_t)(colon - line), value, (size_t)(end - value));
	if (!is_request && http->status == 101)
		upgrade_header(http, line, (size_t)(colon - line), value, (size_t)(end - value));
	/* what an interim response says is not the answer's */
	if (stream && (is_request || http->status >= 200))
		http_header(stream, is_request, line, (size_t)(colon - line), value,
			(size_t)(end - value));
}

static void message_end(struct http1 *http, struct half *half, bool is_request, uint64_t ticks)
{
	struct http_stream *stream = stream_of(http, is_request);

	half->state = STATE_START;
	if (stream)
		http_end_of(stream, is_request, ticks);
	if (is_request)
		http->request_open = false;
	else
		finish_oldest(http, ticks, false);
}

static void body_start(struct http1 *http, struct half *half, bool is_request, uint64_t ticks)
{
	if (half->is_chunked)
		half->state = STATE_CHUNK_SIZE;
	else if (half->has_length && half->left)
		half->state = STATE_BODY;
	else if (half->has_length || is_request)
		message_end(http, half, is_request, ticks);
	else
		half->state = STATE_BODY_TO_END;
}

/* The answer to it is over with its head. */
static void upgrade(struct http1 *http, struct http_stream *stream, const struct proto_piece *piece)
{
	struct http_head head = {0};

	if (stream) {
		head = *http_head_of(stream);
		http_end_of(stream, false, piece->ticks);
	}
	finish_oldest(http, piece->ticks, false);
	if (http->to_socket)
		http->socket =
			websocket_new(http->host, http->request_way, &head, http->extensions);
	http->request.state = http->response.state = http->socket ? STATE_SOCKET : STATE_OTHER;
}

static void head_end(
	struct http1 *http, struct half *half, bool is_request, const struct proto_piece *piece)
{
	struct http_stream *stream = stream_of(http, is_request);
	bool no_body = !is_request &&
		(http->status == 204 || http->status == 304 || (stream && http_is_head(stream)));

	if (!is_request && http->status == 101) {
		http->upgrade = true;
	} else if (!is_request && http->status < 200) {
		half->state = STATE_START;
		return;
	}
	if (stream)
		http_head_end(stream, is_request, piece);
	if (http->upgrade) {
		upgrade(http, stream, piece);
	} else if (no_body) {
		message_end(http, half, is_request, piece->ticks);
	} else {
		body_start(http, half, is_request, piece->ticks);
	}
}

/* ---- lines ---- */

static void chunk_size_line(struct half *half)
{
	uint64_t size = 0;
	size_t i;

	for (i = 0; i < half->line_size; i++) {
		char c = (char)(half->line[i] | 0x20);
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0')
			: c >= 'a' && c <= 'f'	      ? (unsigned)(c - 'a' + 10)
						      : 16;

		if (digit == 16 || size > UINT64_MAX / 32)
			break;
		size = size << 4 | digit;
	}
	half->left = size;
	half->state = !i ? STATE_LOST : size ? STATE_CHUNK_DATA : STATE_TRAILERS;
}

static void start_line(
	struct http1 *http, struct half *half, bool is_request, const struct proto_piece *piece)
{
	half->has_length = half->is_chunked = false;
	half->left = 0;
	if (!half->line_size)
		return; /* an empty line before a request is allowed */
	if (is_request ? request_line(http, half, piece) : status_line(http, half))
		half->state = STATE_HEADERS;
	else
		half->state = STATE_LOST;
}

static void take_line(
	struct http1 *http, struct half *half, bool is_request, const struct proto_piece *piece)
{
	if (half->line_size && half->line[half->line_size - 1] == '\r')
		half->line_size--;
	switch (half->state) {
	case STATE_START:
	case STATE_LOST:
		start_line(http, half, is_request, piece);
		break;
	case STATE_HEADERS:
		if (half->line_size)
			header_line(http, half, is_request);
		else
			head_end(http, half, is_request, piece);
		break;
	case STATE_CHUNK_SIZE:
		chunk_size_line(half);
		break;
	case STATE_CHUNK_END:
		half->state = STATE_CHUNK_SIZE;
		break;
	default: /* STATE_TRAILERS */
		if (half->line_size)
			header_line(http, half, is_request);
		else
			message_end(http, half, is_request, piece->ticks);
	}
	half->line_size = 0;
}

static void feed_line(struct http1 *http, struct half *half, bool is_request,
	const struct proto_piece *piece, size_t size)
{
	bool is_whole = piece->bytes[size - 1] == '\n';
	size_t room = LINE_MAX_BYTES - half->line_size;
	size_t run = size - is_whole;

	run = run < room ? run : room;
	memcpy(half->line + half->line_size, piece->bytes, run);
	half->line_size += run;
	if (is_whole)
		take_line(http, half, is_request, piece);
}

/* ---- bodies ---- */

static bool has_no_length(const struct half *half)
{
	return half->state == STATE_BODY_TO_END || half->state == STATE_BLIND;
}

static bool in_body(const struct half *half)
{
	return has_no_length(half) || half->state == STATE_BODY || half->state == STATE_CHUNK_DATA;
}

static void feed_body(struct http1 *http, struct half *half, bool is_request,
	const struct proto_piece *piece, size_t size)
{
	struct http_stream *stream = stream_of(http, is_request);
	const uint8_t *end = piece->bytes + size;

	if (stream)
		http_body(stream, is_request, piece, piece->bytes, size);
	if (half->state == STATE_BLIND) {
		if (size >= 5 && !memcmp(end - 5, "0\r\n\r\n", 5))
			message_end(http, half, is_request, piece->ticks);
	} else if (half->state != STATE_BODY_TO_END) {
		half->left -= size;
		if (!half->left && half->state == STATE_BODY)
			message_end(http, half, is_request, piece->ticks);
		else if (!half->left)
			half->state = STATE_CHUNK_END;
	}
}

static bool decide_sides(struct http1 *http, enum proto_way way, const struct proto_piece *piece)
{
	const char *text = (const char *)piece->bytes;

	if (http->knows_sides)
		return true;
	if (begins_request(text, piece->size) != PROTO_NOT_MINE)
		http->request_way = way;
	else if (begins_response(text, piece->size) != PROTO_NOT_MINE)
		http->request_way = !way;
	else
		return false;
	http->knows_sides = true;
	return true;
}

/* How many bytes the next step takes: to the end of a line, or of the body. */
static size_t step_size(const struct half *half, const uint8_t *bytes, size_t size)
{
	const uint8_t *newline;

	if (in_body(half))
		return has_no_length(half) || size < half->left ? size : (size_t)half->left;
	newline = memchr(bytes, '\n', size);
	return newline ? (size_t)(newline - bytes) + 1 : size;
}

static enum proto_verdict http1_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct http1 *http = state;
	struct proto_piece rest = *piece;
	bool is_request;
	struct half *half;

	if (!decide_sides(http, way, piece))
		return PROTO_NOT_MINE;
	is_request = way == http->request_way;
	half = is_request ? &http->request : &http->response;
	while (rest.size && half->state < STATE_SOCKET) {
		struct http_stream *before = stream_of(http, is_request);
		size_t step = step_size(half, rest.bytes, rest.size);

		if (!half->line_size) {
			half->unclaimed = 0;
			half->begun = rest;
			half->begun.bytes = NULL;
		}
		half->unclaimed += step;

		/* counted before it may end the exchange it belongs to */
		if (before)
			exchange_moved(http_exchange(before), way, &rest, step);
		if (in_body(half))
			feed_body(http, half, is_request, &rest, step);
		else
			feed_line(http, half, is_request, &rest, step);
		if (!before && is_request && newest(http))
			exchange_moved(http_exchange(newest(http)), way, &rest, half->unclaimed);
		proto_piece_skip(&rest, step);
	}
	if (rest.size && half->state == STATE_SOCKET)
		return websocket_feed(http->socket, way, &rest);
	return half->state == STATE_OTHER ? PROTO_NOT_MINE : PROTO_OK;
}

/* After `size` missing bytes: where does the message stand? */
static void skip_in_half(
	struct http1 *http, struct half *half, bool is_request, uint64_t size, uint64_t ticks)
{
	half->line_size = 0;
	switch (half->state) {
	case STATE_BODY:
		if (size < half->left) {
			half->left -= size;
			return;
		}
		message_end(http, half, is_request, ticks);
		if (size > half->left)
			half->state = STATE_LOST;
		return;
	case STATE_CHUNK_DATA:
		if (size < half->left) {
			half->left -= size;
			return;
		}
		/* fall through */
	case STATE_CHUNK_SIZE:
	case STATE_CHUNK_END:
		half->state = STATE_BLIND;
		return;
	case STATE_BODY_TO_END:
	case STATE_BLIND:
		return;
	default:
		half->state = STATE_LOST;
	}
}

static void http1_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct http1 *http = state;
	bool is_request = way == http->request_way;
	struct half *half = is_request ? &http->request : &http->response;
	struct http_stream *stream = stream_of(http, is_request);

	if (http->socket)
		websocket_gap(http->socket, way, size, ticks);
	if (!http->knows_sides || http->socket)
		return;
	if (stream)
		http_body_gap(stream, is_request, size);
	skip_in_half(http, half, is_request, size, ticks);
}

static void http1_close(void *state, uint64_t ticks)
{
	struct http1 *http = state;

	if (http->response.state == STATE_BODY_TO_END && oldest(http)) {
		http_end_of(oldest(http), false, ticks);
		finish_oldest(http, ticks, false);
	}
	while (http->count)
		finish_oldest(http, ticks, true);
	websocket_close(http->socket, ticks);
	explicit_bzero(http->request.line, sizeof(http->request.line));
	explicit_bzero(http->response.line, sizeof(http->response.line));
}

const struct protocol protocol_http1 = {
	.name = "http1",
	.state_size = sizeof(struct http1),
	.probe = http1_probe,
	.open = http1_open,
	.feed = http1_feed,
	.gap = http1_gap,
	.close = http1_close,
};
