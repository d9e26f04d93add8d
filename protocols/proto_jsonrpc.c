/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON-RPC in lines, as MCP servers speak it over their standard input and output. The two
 * directions are two pipes as a rule: requests wait at the desk (rpc.h) for what comes on the
 * other.
 */
#include <string.h>

#include "protocols/content/json_walk.h"
#include "protocols/protocol.h"
#include "protocols/rpc.h"
#include "wire/event.h"

struct lane {
	struct jsonrpc *rpc;
	struct json_walk walk;
	struct rpc_message message;
	struct proto_piece first; /* of the line at hand, without its bytes */
	size_t size;		  /* of the line so far */
	bool lost;		  /* until the next line */
};

struct jsonrpc {
	struct exchange_host *host;
	struct lane lanes[2];
};

static void on_value(void *context, const struct dialect_value *value)
{
	struct lane *lane = context;

	rpc_read(&lane->message, lane->rpc->host, value);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum proto_verdict jsonrpc_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	const uint8_t *newline;

	(void)way;
	while (size && is_blank(*bytes)) {
		bytes++;
		size--;
	}
	if (!size)
		return PROTO_NEED_MORE;
	if (*bytes != '{')
		return PROTO_NOT_MINE;
	newline = memchr(bytes, '\n', size);
	if (newline)
		size = (size_t)(newline - bytes);
	if (memmem(bytes, size, "\"jsonrpc\"", 9))
		return PROTO_OK;
	return newline ? PROTO_NOT_MINE : PROTO_NEED_MORE;
}

static void line_begin(struct lane *lane)
{
	memset(&lane->message, 0, sizeof(lane->message));
	lane->size = 0;
	lane->lost = false;
	json_walk_init(&lane->walk, on_value, lane);
}

static void jsonrpc_open(void *state, struct exchange_host *host)
{
	struct jsonrpc *rpc = state;

	rpc->host = host;
	for (int way = 0; way < 2; way++) {
		rpc->lanes[way].rpc = rpc;
		line_begin(&rpc->lanes[way]);
	}
}

static void take_line(struct lane *lane, enum proto_way way, const struct proto_piece *piece)
{
	const struct rpc_message *message = &lane->message;
	struct exchange_host *host = lane->rpc->host;
	struct exchange *exchange;

	json_walk_end(&lane->walk);
	if (!message->is_rpc || !*message->id)
		return; /* nobody answers a notification */
	if (!*message->method) {
		rpc_answer(host, (struct rpc_place){.way = !way}, message, &lane->first, piece,
			lane->size);
		return;
	}
	exchange = exchange_begin(host, "jsonrpc", way, &lane->first);
	if (!exchange)
		return;
	exchange->class = RT_CLASS_api_call;
	rpc_put_request(exchange, message);
	exchange_moved(exchange, way, piece, lane->size);
	rpc_ask((struct rpc_place){.way = way}, message->id, exchange, piece->ticks);
}

static enum proto_verdict jsonrpc_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct jsonrpc *rpc = state;
	struct lane *lane = &rpc->lanes[way];

	for (size_t at = 0; at < piece->size;) {
		const uint8_t *begin = piece->bytes + at;
		const uint8_t *newline = memchr(begin, '\n', piece->size - at);
		size_t size = newline ? (size_t)(newline - begin) + 1 : piece->size - at;

		if (!lane->size) {
			lane->first = *piece;
			lane->first.bytes = NULL;
		}
		lane->size += size;
		/* what a program prints between its messages is no message */
		if (!lane->lost && json_walk_feed(&lane->walk, begin, size))
			lane->lost = true;
		if (newline) {
			take_line(lane, way, piece);
			line_begin(lane);
		}
		at += size;
	}
	return PROTO_OK;
}

/* The rest of a line whose beginning has gone is none; a hole inside one leaves its ends. */
static void jsonrpc_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct jsonrpc *rpc = state;
	struct lane *lane = &rpc->lanes[way];

	(void)ticks;
	if (lane->size)
		json_walk_gap(&lane->walk);
	else
		lane->lost = true;
	if (lane->message.has_result)
		lane->message.result_bytes += size;
	lane->size += size;
}

static void jsonrpc_close(void *state, uint64_t ticks)
{
	struct jsonrpc *rpc = state;

	rpc_leave(rpc->host, ticks);
	explicit_bzero(rpc->lanes, sizeof(rpc->lanes));
}

const struct protocol protocol_jsonrpc = {
	.name = "jsonrpc",
	.state_size = sizeof(struct jsonrpc),
	.probe = jsonrpc_probe,
	.open = jsonrpc_open,
	.feed = jsonrpc_feed,
	.gap = jsonrpc_gap,
	.close = jsonrpc_close,
};
