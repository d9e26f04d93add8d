/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/exchange.h"

/* 64 KiB an exchange: one with SQL has no more than that and its values. */
static const size_t room_of[SAID_PARTS] = {
	[SAID_REQUEST] = 32 << 10,
	[SAID_ANSWER] = 24 << 10,
	[SAID_TOOLS] = 8 << 10,
	[SAID_STATEMENT] = 32 << 10,
	[SAID_VALUES] = 24 << 10,
};

/* Bytes of a value that is no text. */
#define HEX_MOST 32

void exchange_say(struct exchange *exchange, enum said_part part, const void *bytes, size_t size)
{
	struct buf *buf;
	size_t room;

	if (!exchange || !exchange->host->keeps_content)
		return;
	if (!exchange->said)
		exchange->said = calloc(1, sizeof(*exchange->said));
	if (!exchange->said)
		return;
	buf = &exchange->said->parts[part];
	room = room_of[part] - buf->size;
	if (size > room) {
		exchange->said->cut += size - room;
		size = room;
	}
	/* at once: what grows leaves copies of itself behind */
	if (size && !buf->capacity)
		buf_reserve(buf, room_of[part]);
	buf_append(buf, bytes, size);
}

bool said_is_text(const void *text, size_t size)
{
	const uint8_t *bytes = text;

	for (size_t i = 0; i < size; i++)
		if ((bytes[i] < 0x20 && !strchr("\t\r\n", bytes[i])) || !bytes[i] ||
			bytes[i] == 0x7f)
			return false;
	return true;
}

static void say_hex(
	struct exchange *exchange, enum said_part part, const uint8_t *bytes, size_t size)
{
	char digits[3];

	exchange_say(exchange, part, "0x", 2);
	for (size_t i = 0; i < size && i < HEX_MOST; i++) {
		snprintf(digits, sizeof(digits), "%02x", bytes[i]);
		exchange_say(exchange, part, digits, 2);
	}
	if (size > HEX_MOST)
		exchange_say(exchange, part, "...", 3);
}

void exchange_say_value(
	struct exchange *exchange, enum said_part part, const void *bytes, size_t size)
{
	const uint8_t *at = bytes, *end = at + size;

	if (!exchange || !exchange->host->keeps_content)
		return;
	if (!bytes) {
		exchange_say(exchange, part, "NULL", 4);
		return;
	}
	if (!said_is_text(at, size)) {
		say_hex(exchange, part, at, size);
		return;
	}
	exchange_say(exchange, part, "'", 1);
	while (at < end) {
		const uint8_t *quote = memchr(at, '\'', (size_t)(end - at));
		const uint8_t *stop = quote ? quote + 1 : end;

		exchange_say(exchange, part, at, (size_t)(stop - at));
		if (quote)
			exchange_say(exchange, part, "'", 1);
		at = stop;
	}
	exchange_say(exchange, part, "'", 1);
}

void said_free(struct said *said)
{
	if (!said)
		return;
	for (int part = 0; part < SAID_PARTS; part++) {
		if (said->parts[part].data)
			explicit_bzero(said->parts[part].data, said->parts[part].capacity);
		buf_free(&said->parts[part]);
	}
	free(said);
}
