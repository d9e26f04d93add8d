/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/http2_frame.h"

/* Receivers must announce that they take larger frames; those who join late have missed it. */
#define USUAL_FRAME (1u << 20)

struct http2_head http2_head_read(const uint8_t *bytes)
{
	return (struct http2_head){
		.size = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2],
		.type = bytes[3],
		.flags = bytes[4],
		.id = http2_number(bytes + 5) & 0x7fffffff,
	};
}

bool http2_may_be_padded(uint8_t type)
{
	return type == HTTP2_DATA || type == HTTP2_HEADERS || type == HTTP2_PUSH_PROMISE;
}

uint32_t http2_prefix_size(const struct http2_head *head)
{
	uint32_t size = http2_may_be_padded(head->type) && head->flags & HTTP2_PADDED;

	if (head->type == HTTP2_HEADERS && head->flags & HTTP2_HAS_PRIORITY)
		size += 5;
	else if (head->type == HTTP2_PUSH_PROMISE || head->type == HTTP2_RST_STREAM)
		size += 4;
	else if (head->type == HTTP2_GOAWAY)
		size += 8;
	return size;
}

bool http2_head_is_valid(const struct http2_head *head)
{
	if (head->size < http2_prefix_size(head))
		return false;
	switch (head->type) {
	case HTTP2_DATA:
	case HTTP2_HEADERS:
	case HTTP2_PUSH_PROMISE:
	case HTTP2_CONTINUATION:
		return head->id;
	case HTTP2_PRIORITY:
		return head->id && head->size == 5;
	case HTTP2_RST_STREAM:
		return head->id && head->size == 4;
	case HTTP2_SETTINGS:
		return !head->id && head->size % 6 == 0 &&
			(!(head->flags & HTTP2_ACK) || !head->size);
	case HTTP2_PING:
		return !head->id && head->size == 8;
	case HTTP2_GOAWAY:
		return !head->id;
	case HTTP2_WINDOW_UPDATE:
		return head->size == 4;
	}
	return true;
}

/* Stricter than valid: as frames usually are. */
static bool is_usual(const uint8_t *bytes)
{
	static const uint8_t flags[] = {
		[HTTP2_DATA] = HTTP2_END_STREAM | HTTP2_PADDED,
		[HTTP2_HEADERS] =
			HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED | HTTP2_HAS_PRIORITY,
		[HTTP2_SETTINGS] = HTTP2_ACK,
		[HTTP2_PUSH_PROMISE] = HTTP2_END_HEADERS | HTTP2_PADDED,
		[HTTP2_PING] = HTTP2_ACK,
		[HTTP2_CONTINUATION] = HTTP2_END_HEADERS,
	};
	struct http2_head head = http2_head_read(bytes);

	return head.type < sizeof(flags) && !(head.flags & ~flags[head.type]) &&
		head.size <= USUAL_FRAME && bytes[5] < 0x80 && http2_head_is_valid(&head);
}

/* Frames whose size and stream are fixed hardly come about by chance. */
static bool is_telling(const uint8_t *bytes)
{
	return bytes[3] == HTTP2_SETTINGS || bytes[3] == HTTP2_PING ||
		bytes[3] == HTTP2_WINDOW_UPDATE || bytes[3] == HTTP2_RST_STREAM;
}

enum proto_verdict http2_frames_begin(const uint8_t *bytes, size_t size)
{
	size_t next;

	if (size && bytes[0] > USUAL_FRAME >> 16)
		return PROTO_NOT_MINE;
	if (size < HTTP2_HEAD)
		return size < 4 || bytes[3] <= HTTP2_CONTINUATION ? PROTO_NEED_MORE
								  : PROTO_NOT_MINE;
	if (!is_usual(bytes))
		return PROTO_NOT_MINE;
	next = HTTP2_HEAD + http2_head_read(bytes).size;
	if (is_telling(bytes) || next == size)
		return PROTO_OK;
	if (size < next + HTTP2_HEAD)
		return PROTO_NEED_MORE;
	return is_usual(bytes + next) ? PROTO_OK : PROTO_NOT_MINE;
}

size_t http2_frames_find(const uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at + HTTP2_HEAD <= size; at++) {
		if (http2_frames_begin(bytes + at, size - at) == PROTO_OK)
			return at;
	}
	return size;
}

const char *http2_error_name(uint32_t code)
{
	static const char *const names[] = {"no_error", "protocol_error", "internal_error",
		"flow_control_error", "settings_timeout", "stream_closed", "frame_size_error",
		"refused_stream", "cancel", "compression_error", "connect_error",
		"enhance_your_calm", "inadequate_security", "http_1_1_required"};

	return code < sizeof(names) / sizeof(*names) ? names[code] : "unknown";
}
