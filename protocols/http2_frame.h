/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 frame heads: reading one, and telling frames from other bytes. */
#ifndef PROTOCOLS_HTTP2_FRAME_H
#define PROTOCOLS_HTTP2_FRAME_H

#include "protocols/protocol.h"

#define HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define HTTP2_PREFACE_SIZE (sizeof(HTTP2_PREFACE) - 1)
#define HTTP2_HEAD 9

enum http2_type {
	HTTP2_DATA,
	HTTP2_HEADERS,
	HTTP2_PRIORITY,
	HTTP2_RST_STREAM,
	HTTP2_SETTINGS,
	HTTP2_PUSH_PROMISE,
	HTTP2_PING,
	HTTP2_GOAWAY,
	HTTP2_WINDOW_UPDATE,
	HTTP2_CONTINUATION,
};

enum {
	HTTP2_ACK = 1,
	HTTP2_END_STREAM = 1,
	HTTP2_END_HEADERS = 4,
	HTTP2_PADDED = 8,
	HTTP2_HAS_PRIORITY = 32,
};

struct http2_head {
	uint32_t size; /* of the payload */
	uint32_t id;
	uint8_t type;
	uint8_t flags;
};

static inline uint32_t http2_number(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
		bytes[3];
}

struct http2_head http2_head_read(const uint8_t *bytes);

/* Of a known type: are size and stream what the protocol demands? Unknown types always are. */
bool http2_head_is_valid(const struct http2_head *head);

bool http2_may_be_padded(uint8_t type);

/* Does it carry a header block, or a part of one? */
static inline bool http2_is_block(uint8_t type)
{
	return type == HTTP2_HEADERS || type == HTTP2_CONTINUATION || type == HTTP2_PUSH_PROMISE;
}

/*
 * Bytes of the fields that stand before what the frame carries: the pad length, a priority, a
 * promised stream; of RST_STREAM and GOAWAY the numbers they have.
 */
uint32_t http2_prefix_size(const struct http2_head *head);

/* Do these look like frames, from the first byte on? */
enum proto_verdict http2_frames_begin(const uint8_t *bytes, size_t size);

/* Where in them frames begin to follow each other; `size` when nowhere. */
size_t http2_frames_find(const uint8_t *bytes, size_t size);

/* "cancel", "refused_stream"; "unknown" for codes without a name. */
const char *http2_error_name(uint32_t code);

#endif
