/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks HTTP/2 frame heads through a stream that arrives in pieces of any size, and says of each
 * run of bytes whether it is DATA. Pure: no I/O, no memory but its own state.
 */
#ifndef PRELOAD_PAYLOAD_HTTP2_H
#define PRELOAD_PAYLOAD_HTTP2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP2_HEAD 9
#define HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define HTTP2_PREFACE_SIZE 24

struct http2_walk {
	uint32_t left; /* bytes of the present frame's payload, or of the preface, to come */
	uint8_t head[HTTP2_HEAD];
	uint8_t have; /* bytes of head[] */
	bool is_data;
	bool ends; /* the present frame ends its stream */
};

struct http2_run {
	size_t size;
	bool is_data;
	bool ends_stream; /* the last byte of a frame that ends its stream */
};

/* The next run of like bytes in `bytes`; size > 0. */
struct http2_run http2_walk_next(struct http2_walk *walk, const uint8_t *bytes, size_t size);

#endif
