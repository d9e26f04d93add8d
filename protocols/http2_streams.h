/* SPDX-License-Identifier: Apache-2.0 */
/* The open streams of an HTTP/2 connection, oldest first, in a table of fixed size. */
#ifndef PROTOCOLS_HTTP2_STREAMS_H
#define PROTOCOLS_HTTP2_STREAMS_H

#include "protocols/http.h"

/* Beyond them the oldest is given up. */
#define HTTP2_STREAMS 256

struct http2_stream {
	struct http_stream *http;
	bool is_answered; /* the head of the final response has begun */
	bool is_unsure;	  /* its end may have been missed */
	bool has_missing; /* some of the answer's bytes may come late */
	bool is_over;	  /* and are waited for */
	uint64_t end;
};

struct http2_streams {
	unsigned count;
	unsigned over;	/* of them */
	unsigned found; /* the last time */
	uint32_t ids[HTTP2_STREAMS];
	struct http2_stream streams[HTTP2_STREAMS];
};

/* Pointers to streams hold until the next add or finish. */
struct http2_stream *http2_streams_find(struct http2_streams *table, uint32_t id);
void http2_streams_add(
	struct http2_streams *table, uint32_t id, struct http_stream *http, uint64_t ticks);

void http2_streams_finish(
	struct http2_streams *table, struct http2_stream *stream, uint64_t ticks, bool broken);

/* The peers have given it up: an error, unless it has said all it had to. */
void http2_streams_fail(struct http2_streams *table, struct http2_stream *stream, uint64_t ticks,
	const char *how, uint32_t code);

/* The server will not answer those begun after `last`. */
void http2_streams_refuse(
	struct http2_streams *table, uint32_t last, uint64_t ticks, uint32_t code);

/* The answer has been read to its end. */
void http2_streams_end(struct http2_streams *table, struct http2_stream *stream, uint64_t ticks);

/* No more late bytes can come for those that are over. */
void http2_streams_settle(struct http2_streams *table);

/* Frames of one direction were missed: whose, and whether they ended one, is not known. */
void http2_streams_doubt(struct http2_streams *table);
void http2_streams_gap(struct http2_streams *table, bool is_request);

/* The connection is over. */
void http2_streams_close(struct http2_streams *table, uint64_t ticks);

#endif
