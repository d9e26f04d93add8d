/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What HTTP/1 and HTTP/2 have in common: a request and a response of heads and bodies. The wire
 * parsers call the http_* verbs; these decode the content encoding, split server-sent events and
 * JSON lines, choose the dialect, and keep the facts that every HTTP exchange has.
 */
#ifndef PROTOCOLS_HTTP_H
#define PROTOCOLS_HTTP_H

#include <string.h>
#include <strings.h>

#include "protocols/exchange.h"

struct http_head;
struct http_stream; /* one request and its response */

/* protocol: "http1", "http2" or "grpc" is decided from the content type. */
struct http_stream *http_begin(struct exchange_host *host, const char *protocol,
	enum proto_way request_way, const struct proto_piece *piece);

/* Heads, in this order: method and target, headers, head_end. Names in any case. */
void http_request(struct http_stream *stream, const char *method, size_t method_size,
	const char *target, size_t target_size);
void http_status(struct http_stream *stream, unsigned status);
void http_header(struct http_stream *stream, bool is_request, const char *name, size_t name_size,
	const char *value, size_t value_size);
void http_head_end(struct http_stream *stream, bool is_request, const struct proto_piece *piece);

/* Whether a header is the one that is wanted (in small letters), in any case. */
static inline bool http_name_is(const char *name, size_t size, const char *wanted)
{
	return strlen(wanted) == size && !strncasecmp(name, wanted, size);
}

/* Body bytes with chunking and framing taken off, content encoding still on. */
void http_body(struct http_stream *stream, bool is_request, const struct proto_piece *piece,
	const uint8_t *bytes, size_t size);
/* Body bytes that http_body_gap has told of. */
void http_body_late(struct http_stream *stream, bool is_request, const struct proto_piece *piece,
	const uint8_t *bytes, size_t size);
/* `size` body bytes were not copied. */
void http_body_gap(struct http_stream *stream, bool is_request, uint64_t size);

/* A trailer field comes as http_header after the body. */
void http_end_of(struct http_stream *stream, bool is_request, uint64_t ticks);

/* The exchange is complete, or broken off; frees the stream. */
void http_finish(struct http_stream *stream, uint64_t ticks, bool broken);

/* Of the request just begun, for the framing of its answer. */
bool http_is_head(const struct http_stream *stream);

struct exchange *http_exchange(struct http_stream *stream);
const struct http_head *http_head_of(const struct http_stream *stream);

#endif
