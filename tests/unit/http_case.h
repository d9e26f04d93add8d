/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations for the dialects, tests/unit/dialects/X.txt: a request, "===", a response, "===",
 * and what must be found. Heads are written with plain line ends; the body's length, chunks (where
 * the head says chunked), gzip and Amazon's framing ("EVENT {json}" a line) are put on here.
 */
#ifndef TESTS_UNIT_HTTP_CASE_H
#define TESTS_UNIT_HTTP_CASE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/buf.h"
#include "lib/hist.h"
#include "protocols/protocol.h"

#define CASES "tests/unit/dialects"
#define CHUNK 37

struct http_case {
	struct buf request, response;
	char *expect;
	char *text;
};

static inline void put_big_endian(struct buf *out, uint32_t value)
{
	uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
		(uint8_t)value};

	buf_append(out, bytes, sizeof(bytes));
}

/* One message of an event stream; an EVENT that begins with '!' is an exception. */
static inline void put_message(struct buf *out, const char *line, size_t size)
{
	const char *space = memchr(line, ' ', size);
	bool is_exception = *line == '!';
	const char *key = is_exception ? ":exception-type" : ":event-type";
	size_t name = (size_t)(space - line) - is_exception,
	       payload = size - (size_t)(space - line) - 1;
	size_t headers = 1 + strlen(key) + 3 + name;
	size_t start = out->size;
	uint8_t mark[] = {7, 0, (uint8_t)name};
	uint8_t key_size = (uint8_t)strlen(key);

	put_big_endian(out, (uint32_t)(12 + headers + payload + 4));
	put_big_endian(out, (uint32_t)headers);
	put_big_endian(out, (uint32_t)crc32(0, (const uint8_t *)out->data + start, 8));
	buf_append(out, &key_size, 1);
	buf_append(out, key, key_size);
	buf_append(out, mark, sizeof(mark));
	buf_append(out, line + is_exception, name);
	buf_append(out, space + 1, payload);
	put_big_endian(out,
		(uint32_t)crc32(
			0, (const uint8_t *)out->data + start, (unsigned)(out->size - start)));
}

static inline void put_messages(struct buf *out, const char *body)
{
	while (*body) {
		size_t size = strcspn(body, "\n");

		if (memchr(body, ' ', size))
			put_message(out, body, size);
		body += size + (body[size] == '\n');
	}
}

static inline void put_gzip(struct buf *out, const char *body)
{
	static uint8_t packed[1 << 16];
	z_stream stream = {.next_in = (uint8_t *)body,
		.avail_in = (unsigned)strlen(body),
		.next_out = packed,
		.avail_out = sizeof(packed)};

	deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
	deflate(&stream, Z_FINISH);
	buf_append(out, packed, stream.total_out);
	deflateEnd(&stream);
}

static inline void put_http(struct buf *out, char *text)
{
	char *body = strstr(text, "\n\n");
	struct buf packed = {0};
	bool is_chunked;

	if (body) {
		*body = '\0';
		body += 2;
	} else {
		body = text + strlen(text);
	}
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		buf_printf(out, "%s\r\n", line);
	is_chunked = strstr(buf_string(out), "transfer-encoding: chunked") != NULL;
	if (strstr(buf_string(out), "content-encoding: gzip"))
		put_gzip(&packed, body);
	else if (strstr(buf_string(out), "amazon.eventstream"))
		put_messages(&packed, body);
	else
		buf_puts(&packed, body);
	if (!is_chunked)
		buf_printf(out, "content-length: %zu\r\n", packed.size);
	buf_puts(out, "\r\n");
	for (size_t at = 0; is_chunked && at < packed.size; at += CHUNK) {
		size_t size = packed.size - at < CHUNK ? packed.size - at : CHUNK;

		buf_printf(out, "%zx\r\n", size);
		buf_append(out, packed.data + at, size);
		buf_puts(out, "\r\n");
	}
	if (is_chunked)
		buf_puts(out, "0\r\n\r\n");
	else
		buf_append(out, packed.data, packed.size);
	buf_free(&packed);
}

/* Takes the parts apart; false where the file is no conversation. text is kept and changed. */
static inline bool case_read(struct http_case *one, char *text)
{
	char *response = strstr(text, "\n===\n"), *expect;

	memset(one, 0, sizeof(*one));
	one->text = text;
	if (!response)
		return false;
	*response = '\0';
	response += 5;
	expect = strstr(response, "\n===\n");
	if (!expect)
		return false;
	*expect = '\0';
	one->expect = expect + 5;
	put_http(&one->request, text);
	put_http(&one->response, response);
	return true;
}

static inline void case_free(struct http_case *one)
{
	buf_free(&one->request);
	buf_free(&one->response);
	free(one->text);
}

static inline void feed_in_pieces(const struct protocol *protocol, void *state, enum proto_way way,
	const uint8_t *bytes, size_t size, size_t piece, uint64_t *ticks)
{
	for (size_t at = 0; at < size; at += piece) {
		struct proto_piece part = {.bytes = bytes + at,
			.size = size - at < piece ? size - at : piece,
			.ticks = (*ticks)++,
			.thread = 1};

		protocol->feed(state, way, &part);
	}
}

/* The conversation in pieces, the response cut after `until` bytes. */
static inline void case_feed(
	const struct http_case *one, struct exchange_host *host, size_t piece, size_t until)
{
	const struct protocol *protocol = &protocol_http1;
	void *state = calloc(1, protocol->state_size);
	uint64_t ticks = 1;

	protocol->open(state, host);
	feed_in_pieces(
		protocol, state, PROTO_OUT, one->request.data, one->request.size, piece, &ticks);
	feed_in_pieces(protocol, state, PROTO_IN, one->response.data,
		until < one->response.size ? until : one->response.size, piece, &ticks);
	protocol->close(state, ticks);
	free(state);
}

#endif
