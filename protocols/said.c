/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/said.h"

#include <stdlib.h>
#include <string.h>

#include "protocols/exchange.h"

/* 64 KiB an exchange: one with SQL has nothing else. */
static const size_t room_of[SAID_PARTS] = {
	[SAID_REQUEST] = 32 << 10,
	[SAID_ANSWER] = 24 << 10,
	[SAID_TOOLS] = 8 << 10,
	[SAID_STATEMENT] = 32 << 10,
};

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
