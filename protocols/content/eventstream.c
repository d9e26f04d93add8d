/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message: its size and that of its headers and their CRC (12 bytes), headers, payload, CRC. The
 * first CRC is checked: it tells a message from noise before its sizes are believed.
 */
#include "protocols/content/eventstream.h"

#include <string.h>
#include <zlib.h>

enum {
	PART_PRELUDE,
	PART_NAME_SIZE,
	PART_NAME,
	PART_TYPE,
	PART_SIZE,
	PART_VALUE,
	PART_PAYLOAD,
	PART_CRC
};
enum { HEADER_OTHER, HEADER_EVENT, HEADER_EXCEPTION };

#define PRELUDE 12
#define CRC 4
/* Amazon's own bounds, which its clients refuse to go beyond. */
#define HEADERS_MAX (128u << 10)
#define MESSAGE_MAX (24u << 20)

/* Of a header's value by its type; 0xff: two bytes of size stand before it. */
static const uint8_t value_sizes[] = {0, 0, 1, 2, 4, 8, 0xff, 0xff, 8, 16};

void eventstream_start(struct eventstream *stream, const struct frame_calls *calls, void *context)
{
	memset(stream, 0, sizeof(*stream));
	stream->calls = calls;
	stream->context = context;
}

static uint32_t big_endian(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
		bytes[3];
}

static void frame_close(struct eventstream *stream)
{
	if (stream->in_frame)
		stream->calls->frame_end(stream->context);
	stream->in_frame = false;
}

static void headers_are_over(struct eventstream *stream)
{
	stream->in_frame = true;
	stream->calls->frame(stream->context, stream->event);
	stream->part = stream->payload ? PART_PAYLOAD : PART_CRC;
	stream->left = stream->payload ? stream->payload : CRC;
}

/* The next header, or what follows the last. */
static void next_header(struct eventstream *stream)
{
	stream->name_size = 0;
	stream->part = PART_NAME_SIZE;
	if (!stream->headers_left)
		headers_are_over(stream);
}

static void take_prelude(struct eventstream *stream, uint8_t byte)
{
	uint32_t whole, headers;

	stream->prelude[stream->prelude_size++] = byte;
	if (stream->prelude_size < PRELUDE)
		return;
	stream->prelude_size = 0;
	whole = big_endian(stream->prelude);
	headers = big_endian(stream->prelude + 4);
	if (whole > MESSAGE_MAX || headers > HEADERS_MAX || whole < PRELUDE + headers + CRC ||
		crc32(0, stream->prelude, 8) != big_endian(stream->prelude + 8)) {
		stream->lost = true;
		return;
	}
	stream->headers_left = headers;
	stream->payload = whole - PRELUDE - headers - CRC;
	stream->event_size = 0;
	stream->event[0] = '\0';
	next_header(stream);
}

static void name_is_over(struct eventstream *stream)
{
	stream->name[stream->name_size] = '\0';
	stream->header = !strcmp(stream->name, ":event-type") ? HEADER_EVENT
		: !strcmp(stream->name, ":exception-type")    ? HEADER_EXCEPTION
							      : HEADER_OTHER;
	stream->part = PART_TYPE;
}

static void value_begins(struct eventstream *stream, uint32_t size)
{
	stream->left = size;
	stream->part = PART_VALUE;
	if (stream->header != HEADER_OTHER)
		stream->event_size = 0;
	if (stream->header == HEADER_EXCEPTION)
		stream->event[stream->event_size++] = '!';
	if (!size)
		next_header(stream);
}

static void take_type(struct eventstream *stream, uint8_t type)
{
	if (type >= sizeof(value_sizes)) {
		stream->lost = true;
	} else if (value_sizes[type] == 0xff) {
		stream->part = PART_SIZE;
		stream->left = 2;
	} else {
		if (type != 7)
			stream->header = HEADER_OTHER;
		value_begins(stream, value_sizes[type]);
	}
}

/* `left` is what remains of the part; the value's size gathers in prelude[]. */
static void take_header(struct eventstream *stream, uint8_t byte)
{
	stream->headers_left--;
	switch (stream->part) {
	case PART_NAME_SIZE:
		stream->left = byte;
		stream->part = PART_NAME;
		stream->lost = !byte;
		break;
	case PART_NAME:
		if (stream->name_size < sizeof(stream->name) - 1)
			stream->name[stream->name_size++] = (char)byte;
		if (!--stream->left)
			name_is_over(stream);
		break;
	case PART_TYPE:
		take_type(stream, byte);
		break;
	case PART_SIZE:
		stream->prelude[2 - stream->left] = byte;
		if (!--stream->left)
			value_begins(
				stream, (uint32_t)stream->prelude[0] << 8 | stream->prelude[1]);
		break;
	default: /* PART_VALUE */
		if (stream->header != HEADER_OTHER &&
			stream->event_size < sizeof(stream->event) - 1)
			stream->event[stream->event_size++] = (char)byte;
		stream->event[stream->event_size] = '\0';
		if (!--stream->left)
			next_header(stream);
	}
	/* a header that goes beyond all of them */
	if (!stream->headers_left && stream->part < PART_PAYLOAD)
		stream->lost = true;
}

/* Of the payload and the CRC behind it. */
static size_t take_run(struct eventstream *stream, const uint8_t *bytes, size_t size)
{
	size_t run = size < stream->left ? size : stream->left;

	if (stream->part == PART_PAYLOAD)
		stream->calls->data(stream->context, bytes, run);
	stream->left -= (uint32_t)run;
	if (stream->left)
		return run;
	if (stream->part == PART_PAYLOAD) {
		stream->part = PART_CRC;
		stream->left = CRC;
	} else {
		frame_close(stream);
		stream->part = PART_PRELUDE;
	}
	return run;
}

void eventstream_feed(struct eventstream *stream, const uint8_t *bytes, size_t size)
{
	while (size && !stream->lost) {
		size_t run = 1;

		if (stream->part >= PART_PAYLOAD)
			run = take_run(stream, bytes, size);
		else if (stream->part == PART_PRELUDE)
			take_prelude(stream, *bytes);
		else
			take_header(stream, *bytes);
		bytes += run;
		size -= run;
	}
}

void eventstream_break(struct eventstream *stream)
{
	frame_close(stream);
	stream->lost = true;
}
