/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait for answers from elsewhere, and answers that were quicker than their requests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/rpc.h"

#define ASKED 256
#define ANSWERS 16

struct asked {
	struct exchange *exchange; /* NULL: a free place */
	struct rpc_place place;
	uint32_t process, connection;
	uint64_t order;
	char id[RPC_WORD];
};

struct answered {
	bool taken;
	struct rpc_place place;
	uint32_t process;
	struct rpc_message message;
	struct proto_piece first, last;
	size_t size;
};

struct rpc_desk {
	struct asked asked[ASKED];
	uint64_t order;
	struct answered answers[ANSWERS]; /* a ring */
	unsigned next_answer;
};

struct rpc_desk *rpc_desk_new(void)
{
	return calloc(1, sizeof(struct rpc_desk));
}

static void give_up(struct asked *asked, uint64_t ticks)
{
	if (!asked->exchange->answered) {
		asked->exchange->failed = true;
		exchange_string(asked->exchange, "error.type", "no_answer");
	}
	asked->exchange->host->waiting--;
	exchange_end(asked->exchange, ticks);
	asked->exchange = NULL;
}

void rpc_desk_free(struct rpc_desk *desk, uint64_t ticks)
{
	for (size_t i = 0; desk && i < ASKED; i++) {
		if (desk->asked[i].exchange)
			give_up(&desk->asked[i], ticks);
	}
	free(desk);
}

static void complete(struct exchange *exchange, const struct rpc_message *message,
	const struct proto_piece *first, const struct proto_piece *last, size_t size)
{
	enum proto_way way = exchange->is_server ? PROTO_OUT : PROTO_IN;

	exchange_moved(exchange, way, first, size);
	exchange->first_chunk = exchange->first_byte;
	rpc_put_response(exchange, message);
	exchange_end(exchange, last->ticks);
}

/* A free place, or that of the oldest. */
static struct asked *place_for(struct rpc_desk *desk, uint64_t ticks)
{
	struct asked *oldest = &desk->asked[0];

	for (size_t i = 0; i < ASKED; i++) {
		if (!desk->asked[i].exchange)
			return &desk->asked[i];
		if (desk->asked[i].order < oldest->order)
			oldest = &desk->asked[i];
	}
	give_up(oldest, ticks);
	return oldest;
}

static bool same(struct rpc_place a, struct rpc_place b)
{
	return a.key == b.key && a.way == b.way;
}

static bool answer_waits(struct rpc_place place, struct exchange *exchange)
{
	const struct exchange_host *host = exchange->host;
	struct rpc_desk *desk = host->desk;

	for (size_t i = 0; i < ANSWERS; i++) {
		struct answered *answered = &desk->answers[i];

		if (!answered->taken || answered->process != host->process ||
			!same(answered->place, place))
			continue;
		answered->taken = false;
		complete(exchange, &answered->message, &answered->first, &answered->last,
			answered->size);
		return true;
	}
	return false;
}

void rpc_ask(struct rpc_place place, const char *id, struct exchange *exchange, uint64_t ticks)
{
	struct exchange_host *host = exchange->host;
	struct rpc_desk *desk = host->desk;
	struct asked *asked;

	if (!desk) {
		exchange_end(exchange, ticks);
		return;
	}
	if (place.key && answer_waits(place, exchange))
		return;
	asked = place_for(desk, ticks);
	asked->exchange = exchange;
	asked->place = place;
	asked->process = host->process;
	asked->connection = host->connection;
	asked->order = desk->order++;
	snprintf(asked->id, sizeof(asked->id), "%s", id);
	host->waiting++;
}

static uint32_t distance(uint32_t a, uint32_t b)
{
	return a < b ? b - a : a - b;
}

static struct asked *nearest(struct exchange_host *host, struct rpc_place place, const char *id)
{
	struct rpc_desk *desk = host->desk;
	struct asked *best = NULL;

	for (size_t i = 0; i < ASKED; i++) {
		struct asked *asked = &desk->asked[i];

		if (!asked->exchange || asked->process != host->process ||
			!same(asked->place, place) || (!place.key && strcmp(asked->id, id) != 0))
			continue;
		if (!best ||
			distance(asked->connection, host->connection) <
				distance(best->connection, host->connection))
			best = asked;
	}
	return best;
}

void rpc_answer(struct exchange_host *host, struct rpc_place place,
	const struct rpc_message *message, const struct proto_piece *first,
	const struct proto_piece *last, size_t size)
{
	struct rpc_desk *desk = host->desk;
	struct exchange *exchange;
	struct asked *asked;

	if (!desk)
		return;
	asked = nearest(host, place, message->id);
	if (!asked && !place.key)
		return; /* asked before anybody listened */
	if (!asked) {
		desk->answers[desk->next_answer++ % ANSWERS] = (struct answered){
			true, place, host->process, *message, *first, *last, size};
		return;
	}
	exchange = asked->exchange;
	asked->exchange = NULL;
	exchange->host->waiting--;
	complete(exchange, message, first, last, size);
}

void rpc_leave(struct exchange_host *host, uint64_t ticks)
{
	struct rpc_desk *desk = host->desk;

	for (size_t i = 0; desk && i < ASKED; i++) {
		struct asked *asked = &desk->asked[i];

		if (asked->exchange && !asked->place.key && asked->process == host->process &&
			asked->connection == host->connection)
			give_up(asked, ticks);
	}
}
