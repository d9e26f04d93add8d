/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection: records of a byte (bit 0: way; bit 1: a gap; bit 7: the bytes are late; the rest:
 * how many pieces), a length of two bytes, and that many bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/cursor.h"
#include "protocols/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t touched;

static void done(void *context, const struct exchange *exchange)
{
	(void)context;
	touched += strlen(exchange->name) + exchange->fact_count;
	for (uint32_t i = 0; i < exchange->fact_count; i++) {
		if (exchange->facts[i].type == FACT_TEXT)
			touched += strlen(exchange->text + exchange->facts[i].text);
	}
}

static uint64_t hash(void *context, const void *bytes, size_t size)
{
	(void)context, (void)bytes;
	return size;
}

static void feed(void *state, enum proto_way way, const uint8_t *bytes, size_t size, size_t step)
{
	for (size_t at = 0; at < size; at += step) {
		size_t left = size - at;
		uint8_t *copy = malloc(left < step ? left : step);
		struct proto_piece piece = {
			.bytes = copy, .size = left < step ? left : step, .ticks = at, .thread = 1};

		memcpy(copy, bytes + at, piece.size);
		protocol_http2.feed(state, way, &piece);
		free(copy);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange_host host = {.done = done, .hash = hash, .keeps_content = true};
	struct cursor cursor = cursor_over(data, size);
	void *state = calloc(1, protocol_http2.state_size);

	protocol_http2.open(state, &host);
	while (cursor_left(&cursor) >= 3) {
		uint8_t kind = cursor_u8(&cursor);
		size_t length = cursor_le16(&cursor);

		if (kind & 2) {
			protocol_http2.gap(state, kind & 1, length + 1, 0);
			continue;
		}
		length = length < cursor_left(&cursor) ? length : cursor_left(&cursor);
		if (!length)
			continue;
		if (kind & 0x80) {
			struct proto_piece piece = {.bytes = cursor.at, .size = length};

			protocol_http2.late(state, kind & 1, length + (kind & 0x7f), &piece);
			cursor_take(&cursor, length);
			continue;
		}
		protocol_http2.probe(kind & 1, cursor.at, length);
		feed(state, kind & 1, cursor.at, length, length / ((kind >> 2) + 1u) + 1);
		cursor_take(&cursor, length);
	}
	protocol_http2.close(state, 0);
	free(state);
	return 0;
}
