/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a conversation: a byte that says which way and how, a byte of size, and as many
 * bytes, over and over. Exchanges are taken as a host takes them.
 */
#ifndef TESTS_FUZZ_PROTOCOL_H
#define TESTS_FUZZ_PROTOCOL_H

#include <stdlib.h>
#include <string.h>

#include "protocols/protocol.h"
#include "protocols/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_done(void *context, const struct exchange *exchange)
{
	(void)context;
	if (exchange->fact_count > EXCHANGE_FACTS || exchange->text_used > EXCHANGE_TEXT)
		abort();
	for (uint32_t i = 0; i < exchange->fact_count; i++) {
		if (exchange->facts[i].type == FACT_TEXT &&
			exchange->facts[i].text +
					strlen(exchange->text + exchange->facts[i].text) >=
				EXCHANGE_TEXT)
			abort();
	}
}

static uint64_t fuzz_hash(void *context, const void *bytes, size_t size)
{
	uint64_t hash = 0;

	(void)context;
	for (size_t i = 0; i < size; i++)
		hash = hash * 31 + ((const uint8_t *)bytes)[i];
	return hash;
}

static inline int fuzz_protocol(const struct protocol *protocol, const uint8_t *data, size_t size)
{
	struct exchange_host host = {.done = fuzz_done,
		.hash = fuzz_hash,
		.keeps_content = true,
		.desk = rpc_desk_new()};
	void *state = calloc(1, protocol->state_size);
	uint64_t ticks = 0;

	protocol->open(state, &host);
	while (size > 2) {
		enum proto_way way = data[0] & 1 ? PROTO_IN : PROTO_OUT;
		size_t length = data[1] < size - 2 ? data[1] : size - 2;
		struct proto_piece piece = {
			.bytes = data + 2, .size = length, .ticks = ticks += 10, .thread = 1};

		if (length)
			protocol->probe(way, piece.bytes, length);
		if (data[0] & 0x80)
			protocol->gap(state, way, length * (data[0] & 0x7eu) + 1, ticks);
		else if (length && protocol->feed(state, way, &piece) == PROTO_NOT_MINE)
			break;
		data += 2 + length;
		size -= 2 + length;
	}
	protocol->close(state, ticks);
	rpc_desk_free(host.desk, ticks);
	free(state);
	return 0;
}

#endif
