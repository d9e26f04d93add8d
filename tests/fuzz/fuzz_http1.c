/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation as the unit tests have them (tests/unit/dialects), or any bytes: what stands
 * before "\n===\n" is the request, what follows the response. The input's checksum decides the
 * size of the pieces, and whether some bytes are missing between them.
 */
#include "tests/unit/http_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t touched; /* so that the walk is not left out */

static void take_exchange(void *context, const struct exchange *exchange)
{
	uint64_t sum = strlen(exchange->name) + exchange->fact_count;

	(void)context;
	for (uint32_t i = 0; i < exchange->fact_count; i++) {
		const struct exchange_fact *fact = &exchange->facts[i];

		sum += strlen(fact->key);
		if (fact->type == FACT_TEXT)
			sum += strlen(exchange->text + fact->text);
	}
	touched += sum;
}

static uint64_t hash_bytes(void *context, const void *bytes, size_t size)
{
	(void)context;
	return crc32(1, bytes, (unsigned)size);
}

static void feed_with_gaps(const struct http_case *one, struct exchange_host *host, size_t piece)
{
	void *state = calloc(1, protocol_http1.state_size);
	uint64_t ticks = 1;
	size_t half = one->response.size / 2, hole = half < piece ? half : piece;

	protocol_http1.open(state, host);
	feed_in_pieces(&protocol_http1, state, PROTO_OUT, one->request.data, one->request.size,
		piece, &ticks);
	feed_in_pieces(
		&protocol_http1, state, PROTO_IN, one->response.data, half - hole, piece, &ticks);
	protocol_http1.gap(state, PROTO_IN, hole, ticks);
	feed_in_pieces(&protocol_http1, state, PROTO_IN, one->response.data + half,
		one->response.size - half, piece, &ticks);
	protocol_http1.close(state, ticks);
	free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange_host host = {
		.done = take_exchange, .hash = hash_bytes, .keeps_content = true};
	uint32_t sum = (uint32_t)crc32(0, data, (unsigned)size);
	size_t piece = sum % 97 + 1;
	char *text = calloc(1, size + 1);
	struct http_case one;

	if (!text)
		return 0;
	memcpy(text, data, size);
	if (!case_read(&one, text)) {
		memset(&one, 0, sizeof(one));
		one.text = text;
		buf_append(&one.request, data, size / 2);
		buf_append(&one.response, data + size / 2, size - size / 2);
	}
	case_feed(&one, &host, piece, SIZE_MAX);
	if (one.response.size)
		feed_with_gaps(&one, &host, piece);
	case_free(&one);
	return 0;
}
