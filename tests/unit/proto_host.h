/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that collects: what a protocol makes of a conversation, as text, one exchange a line:
 *
 *   name | class | failed | key=value key=value ...
 *
 * A conversation is a list of SAYS and HEARS. Pieces are fed from memory of exactly their size.
 */
#ifndef TESTS_PROTO_HOST_H
#define TESTS_PROTO_HOST_H

#include <inttypes.h>

#include "lib/buf.h"
#include "protocols/protocol.h"
#include "protocols/rpc.h"
#include "tests/unit/unit.h"

struct proto_turn {
	enum proto_way way;
	const char *bytes;
	size_t size;
};

#define SAYS(literal)                                   \
	{                                               \
		PROTO_OUT, literal, sizeof(literal) - 1 \
	}
#define HEARS(literal)                                 \
	{                                              \
		PROTO_IN, literal, sizeof(literal) - 1 \
	}
/* A gap of that many bytes. */
#define GAP(way, count)          \
	{                        \
		way, NULL, count \
	}
#define TURNS(turns) turns, sizeof(turns) / sizeof(*(turns))

/* A place of a talk that is made anew: what the talk before had there is freed. */
static inline void proto_turn_renew(
	struct proto_turn *turn, enum proto_way way, char *bytes, size_t size)
{
	free((void *)turn->bytes);
	*turn = (struct proto_turn){way, bytes, size};
}

struct proto_host {
	struct exchange_host host;
	struct buf told;
	unsigned exchanges;
	uint64_t ticks;
	bool swapped; /* the traced process is the server */
	bool lost;
	struct exchange last; /* its texts are still there, its histogram is not */
};

static bool proto_keeps_content; /* the user wants it */

static void proto_host_done(void *context, const struct exchange *exchange)
{
	struct proto_host *host = context;

	host->exchanges++;
	host->last = *exchange;
	buf_printf(&host->told, "%s | %u%s |", exchange->name, exchange->class,
		exchange->failed ? " | failed" : "");
	for (uint32_t i = 0; i < exchange->fact_count; i++) {
		const struct exchange_fact *fact = &exchange->facts[i];

		buf_printf(&host->told, " %s=", fact->key);
		switch (fact->type) {
		case FACT_TEXT:
			buf_puts(&host->told, exchange->text + fact->text);
			break;
		case FACT_INT:
			buf_printf(&host->told, "%" PRId64, fact->number);
			break;
		case FACT_HASH:
			buf_printf(&host->told, "#%" PRIx64, (uint64_t)fact->number);
			break;
		case FACT_DOUBLE:
			buf_printf(&host->told, "%g", fact->real);
			break;
		case FACT_BOOL:
			buf_puts(&host->told, fact->truth ? "yes" : "no");
			break;
		}
	}
	for (int part = 0; exchange->said && part < SAID_PARTS; part++) {
		const struct buf *said = &exchange->said->parts[part];

		if (said->size)
			buf_printf(&host->told, " <%.*s>", (int)said->size, (char *)said->data);
	}
	buf_printf(&host->told, " | %" PRIu64 "/%" PRIu64 "\n",
		exchange->is_server ? exchange->bytes_in : exchange->bytes_out,
		exchange->is_server ? exchange->bytes_out : exchange->bytes_in);
}

static uint64_t proto_host_hash(void *context, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t hash = 14695981039346656037ULL;

	(void)context;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 1099511628211ULL;
	return hash;
}

static void proto_host_feed(struct proto_host *host, const struct protocol *protocol, void *state,
	const struct proto_turn *turn, size_t from, size_t size)
{
	enum proto_way way = host->swapped ? !turn->way : turn->way;
	uint8_t *copy = malloc(size + !size);
	struct proto_piece piece = {
		.bytes = copy, .size = size, .ticks = host->ticks += 10, .thread = 7};

	if (size && !host->lost && !turn->bytes) {
		protocol->gap(state, way, size, host->ticks);
	} else if (size && !host->lost) {
		memcpy(copy, turn->bytes + from, size);
		host->lost = protocol->feed(state, way, &piece) == PROTO_NOT_MINE;
		if (host->lost)
			buf_puts(&host->told, "LOST\n");
	}
	free(copy);
}

/* The conversation with each turn in pieces of `step` bytes, and turn `turn` cut at `at`. */
static const char *proto_told(struct proto_host *host, const struct protocol *protocol,
	const struct proto_turn *turns, size_t count, size_t step, size_t turn, size_t at)
{
	void *state = calloc(1, protocol->state_size);

	buf_clear(&host->told);
	host->exchanges = 0;
	host->ticks = 0;
	host->lost = false;
	host->host = (struct exchange_host){.context = host,
		.done = proto_host_done,
		.hash = proto_host_hash,
		.keeps_content = proto_keeps_content,
		.desk = rpc_desk_new()};
	protocol->open(state, &host->host);
	for (size_t i = 0; i < count; i++) {
		size_t size = turns[i].size, end;

		for (size_t from = 0; from < size; from = end) {
			end = step && turns[i].bytes && size - from > step ? from + step : size;
			if (i == turn && from < at && at < end)
				end = at;
			proto_host_feed(host, protocol, state, &turns[i], from, end - from);
		}
	}
	protocol->close(state, host->ticks + 10);
	rpc_desk_free(host->host.desk, host->ticks + 10);
	free(state);
	return buf_string(&host->told);
}

/* As a client and as a server, whole, cut at every place, and byte by byte: always the same. */
static inline void proto_check(const struct protocol *protocol, const struct proto_turn *turns,
	size_t count, const char *expected)
{
	struct proto_host host = {0};

	for (int side = 0; side < 2 && !unit_failures; side++) {
		host.swapped = side;
		for (size_t step = 0; step < 4 && !unit_failures; step++)
			CHECK_STR(proto_told(&host, protocol, turns, count, step, 0, 0), expected);
		for (size_t i = 0; i < count && !unit_failures; i++) {
			for (size_t at = 1; turns[i].bytes && at < turns[i].size; at++) {
				if (strcmp(proto_told(&host, protocol, turns, count, 0, i, at),
					    expected) != 0) {
					printf("turn %zu cut at %zu:\n", i, at);
					CHECK_STR(buf_string(&host.told), expected);
					return;
				}
			}
		}
	}
	buf_free(&host.told);
}

#endif
