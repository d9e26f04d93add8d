/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/socket_turns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/content/json_walk.h"
#include "protocols/http_url.h"
#include "wire/event.h"

/* Requests whose answers are under way at once; what comes on top is not followed. */
#define OPEN_MAX_TURNS 8
#define WORD 64

struct turn {
	struct exchange *exchange; /* NULL: none */
	void *state;		   /* the dialect's */
	int64_t sent, received;	   /* messages, as the client sees it */
	char id[WORD];		   /* of the answer */
};

/* The message at hand of one direction. */
struct message {
	struct json_walk *walk;
	struct socket_turns *turns;
	struct turn *turn;	  /* whose it is, as far as can be told; NULL: nobody's */
	struct turn made;	  /* for it, until it is known what it is */
	struct proto_piece piece; /* that it began in */
	size_t moved;		  /* its wire bytes */
	bool is_request, is_open;
	char type[WORD];
};

struct socket_turns {
	struct exchange_host *host;
	enum proto_way client_way;
	struct http_head head;
	char path[256]; /* templated */
	const struct dialect *dialect;
	struct turn open[OPEN_MAX_TURNS]; /* oldest first; without a dialect one at most */
	unsigned count;
	struct message messages[2]; /* by enum proto_way */
	unsigned close_code;
	bool lost; /* bytes were: an answer may be among them */
	char model[160];
};

struct socket_turns *socket_turns_new(
	struct exchange_host *host, enum proto_way client_way, const struct http_head *head)
{
	struct socket_turns *turns = calloc(1, sizeof(*turns));

	if (!turns)
		return NULL;
	turns->host = host;
	turns->client_way = client_way;
	turns->head = *head;
	http_url_template(head->path, turns->path, sizeof(turns->path));
	turns->dialect = dialect_for_socket(head);
	for (int way = 0; way < 2; way++) {
		turns->messages[way].turns = turns;
		turns->messages[way].is_request = (int)client_way == way;
		if (turns->dialect)
			turns->messages[way].walk = calloc(1, sizeof(struct json_walk));
	}
	return turns;
}

static void turn_begin(
	struct socket_turns *turns, struct turn *turn, const struct proto_piece *piece)
{
	struct exchange *exchange =
		exchange_begin(turns->host, "websocket", turns->client_way, piece);

	memset(turn, 0, sizeof(*turn));
	if (!exchange)
		return;
	turn->exchange = exchange;
	exchange->class = RT_CLASS_api_call;
	exchange_string(exchange, "network.protocol.name", "websocket");
	exchange_string(exchange, "url.template", turns->path);
	if (*turns->head.host)
		exchange_string(exchange, "server.address", turns->head.host);
	exchange_name(exchange, "WS %s", turns->path);
	if (!turns->dialect)
		return;
	turn->state = calloc(1, turns->dialect->state_size);
	if (!turn->state)
		return;
	turns->dialect->begin(turn->state, exchange, &turns->head);
	/* what comes in messages streams */
	turns->dialect->frame(turn->state, exchange, "");
}

/* What a message that is no request says of those that follow. */
static void remember(struct socket_turns *turns, const struct exchange *exchange)
{
	const char *model = exchange_find_text(exchange, "gen_ai.request.model");

	if (model)
		snprintf(turns->model, sizeof(turns->model), "%s", model);
}

static void turn_drop(struct socket_turns *turns, struct turn *turn)
{
	remember(turns, turn->exchange);
	exchange_drop(turn->exchange);
	free(turn->state);
	memset(turn, 0, sizeof(*turn));
}

static void turn_end(struct socket_turns *turns, struct turn *turn, uint64_t ticks)
{
	struct exchange *exchange = turn->exchange;

	if (!exchange)
		return;
	if (turn->state) {
		turns->dialect->end(turn->state, exchange);
	} else {
		exchange_int(exchange, "ragtime.messages_sent", turn->sent);
		exchange_int(exchange, "ragtime.messages_received", turn->received);
	}
	free(turn->state);
	exchange_end(exchange, ticks);
	memset(turn, 0, sizeof(*turn));
}

static void forget_turn(struct socket_turns *turns, struct turn *turn)
{
	size_t at = (size_t)(turn - turns->open);

	turns->count--;
	memmove(turn, turn + 1, (turns->count - at) * sizeof(*turn));
	memset(&turns->open[turns->count], 0, sizeof(*turn));
	for (int way = 0; way < 2; way++) {
		struct message *message = &turns->messages[way];

		if (message->turn == turn)
			message->turn = NULL;
		else if (message->turn > turn && message->turn < turns->open + OPEN_MAX_TURNS)
			message->turn--;
	}
}

/* Becomes one of those that wait for their answers. */
static struct turn *turn_keep(struct socket_turns *turns, struct turn *turn)
{
	struct turn *kept = &turns->open[turns->count];

	if (turns->count == OPEN_MAX_TURNS) {
		turn_drop(turns, turn);
		return NULL;
	}
	if (*turns->model && turn->exchange &&
		!exchange_find(turn->exchange, "gen_ai.request.model"))
		exchange_string(turn->exchange, "gen_ai.request.model", turns->model);
	*kept = *turn;
	memset(turn, 0, sizeof(*turn));
	turns->count++;
	return kept;
}

/* ---- without a dialect ---- */

static void plain_message(struct socket_turns *turns, bool is_request, struct message *message,
	const struct proto_piece *piece)
{
	struct turn *turn = &turns->open[0];

	if (is_request && turns->count && turn->received) {
		turn_end(turns, turn, piece->ticks);
		turns->count = 0;
	}
	if (!turns->count) {
		turn_begin(turns, turn, piece);
		turns->count = turn->exchange != NULL;
	}
	message->turn = turn->exchange ? turn : NULL;
	if (is_request)
		turn->sent++;
	else if (!turn->received++ && turn->exchange)
		turn->exchange->first_chunk = piece->ticks;
}

/* ---- with one ---- */

static void keep_word(char *to, const struct dialect_value *value)
{
	size_t size = value->size < WORD - 1 ? value->size : WORD - 1;

	memcpy(to, value->text, size);
	to[size] = '\0';
}

/* The turn whose answer has this name; else the oldest whose answer has none yet. */
static struct turn *turn_of(struct socket_turns *turns, const char *id)
{
	struct turn *unnamed = NULL;

	for (unsigned i = 0; i < turns->count; i++) {
		if (!strcmp(turns->open[i].id, id))
			return &turns->open[i];
		if (!unnamed && !*turns->open[i].id)
			unnamed = &turns->open[i];
	}
	if (unnamed)
		snprintf(unnamed->id, sizeof(unnamed->id), "%s", id);
	return unnamed;
}

/* The message says whose answer it is part of: perhaps of one that nobody asked for. */
static void choose_turn(struct message *message, const struct dialect_value *value)
{
	struct turn *turn;
	char id[WORD];

	keep_word(id, value);
	turn = turn_of(message->turns, id);
	if (!turn && !message->made.exchange)
		turn_begin(message->turns, &message->made, &message->piece);
	if (!turn && message->made.exchange) {
		turn = &message->made;
		snprintf(turn->id, sizeof(turn->id), "%s", id);
	}
	message->turn = turn;
}

static void on_value(void *context, const struct dialect_value *value)
{
	struct message *message = context;
	struct socket_turns *turns = message->turns;
	const struct dialect_socket *rules = turns->dialect->socket;
	struct turn *turn;

	if (value->type == VALUE_STRING && !strcmp(value->path, rules->type_path))
		keep_word(message->type, value);
	else if (value->type == VALUE_STRING && !message->is_request && value->size &&
		(!strcmp(value->path, rules->id_paths[0]) ||
			!strcmp(value->path, rules->id_paths[1])))
		choose_turn(message, value);
	turn = message->turn;
	if (!turn || !turn->state)
		return;
	if (message->is_request)
		turns->dialect->request_value(turn->state, turn->exchange, value);
	else
		turns->dialect->response_value(turn->state, turn->exchange, value);
}

static void known_message(
	struct socket_turns *turns, struct message *message, const struct proto_piece *piece)
{
	*message->type = '\0';
	message->piece = *piece;
	message->piece.bytes = NULL;
	message->moved = 0;
	if (message->walk)
		json_walk_init(message->walk, on_value, message);
	if (!message->is_request && turns->count) {
		message->turn = &turns->open[0];
	} else {
		turn_begin(turns, &message->made, piece);
		message->turn = message->made.exchange ? &message->made : NULL;
	}
}

static void known_message_end(
	struct socket_turns *turns, enum proto_way way, const struct proto_piece *piece)
{
	struct message *message = &turns->messages[way];
	struct turn *turn;
	enum dialect_turn verdict = DIALECT_BESIDE;

	if (message->walk)
		json_walk_end(message->walk);
	turn = message->turn;
	if (turn && turn->state)
		verdict = turns->dialect->socket->turn(
			turn->state, turn->exchange, message->is_request, message->type);
	if (turn && verdict == DIALECT_BESIDE)
		remember(turns, turn->exchange);
	else if (turn)
		exchange_moved(turn->exchange, way, message->is_request ? piece : &message->piece,
			message->moved);
	if (turn == &message->made && verdict == DIALECT_BEGINS)
		turn_keep(turns, turn);
	else if (turn && turn != &message->made && verdict == DIALECT_ENDS) {
		turn_end(turns, turn, piece->ticks);
		forget_turn(turns, turn);
	}
	if (message->made.exchange)
		turn_drop(turns, &message->made);
	message->turn = NULL;
}

/* ---- both ---- */

void socket_turns_message(
	struct socket_turns *turns, enum proto_way way, const struct proto_piece *piece)
{
	struct message *message = &turns->messages[way];

	message->is_open = true;
	if (turns->dialect)
		known_message(turns, message, piece);
	else
		plain_message(turns, message->is_request, message, piece);
}

void socket_turns_moved(struct socket_turns *turns, enum proto_way way,
	const struct proto_piece *piece, size_t size)
{
	struct message *message = &turns->messages[way];

	message->moved += size;
	if (!turns->dialect && message->turn)
		exchange_moved(message->turn->exchange, way, piece, size);
}

void socket_turns_text(struct socket_turns *turns, enum proto_way way,
	const struct proto_piece *piece, const uint8_t *bytes, size_t size)
{
	struct message *message = &turns->messages[way];

	if (!message->walk || !message->is_open)
		return;
	if (message->turn)
		message->turn->exchange->now = piece->ticks;
	json_walk_feed(message->walk, bytes, size);
}

void socket_turns_message_end(
	struct socket_turns *turns, enum proto_way way, const struct proto_piece *piece)
{
	struct message *message = &turns->messages[way];
	struct exchange *exchange = message->turn ? message->turn->exchange : NULL;

	if (exchange && !message->is_request) {
		exchange->now = piece->ticks;
		if (!exchange->first_chunk)
			exchange->first_chunk = piece->ticks;
		if (!turns->dialect)
			exchange->end = piece->ticks;
	}
	message->is_open = false;
	if (turns->dialect)
		known_message_end(turns, way, piece);
	else
		message->turn = NULL;
}

void socket_turns_gap(struct socket_turns *turns, enum proto_way way)
{
	turns->lost = true;
	if (turns->messages[way].walk)
		json_walk_gap(turns->messages[way].walk);
}

void socket_turns_abandon(struct socket_turns *turns, enum proto_way way)
{
	struct message *message = &turns->messages[way];

	if (message->made.exchange)
		turn_drop(turns, &message->made);
	message->turn = NULL;
	message->is_open = false;
}

void socket_turns_closing(struct socket_turns *turns, unsigned code)
{
	if (!turns->close_code)
		turns->close_code = code;
}

/* A code that is none of an orderly end, or an answer that never came. */
static void fail_unfinished(const struct socket_turns *turns, struct exchange *exchange)
{
	bool orderly = turns->close_code <= 1001 || turns->close_code == 1005;
	char code[32];

	if (!orderly) {
		snprintf(code, sizeof(code), "websocket_%u", turns->close_code);
		exchange->failed = true;
		exchange_string(exchange, "error.type", code);
	} else if (turns->dialect && !exchange->answered && !turns->lost) {
		exchange->failed = true;
		exchange_string(exchange, "error.type", "connection_closed");
	}
}

void socket_turns_end(struct socket_turns *turns, uint64_t ticks)
{
	for (unsigned i = 0; i < turns->count; i++) {
		fail_unfinished(turns, turns->open[i].exchange);
		turn_end(turns, &turns->open[i], ticks);
	}
	for (int way = 0; way < 2; way++) {
		struct message *message = &turns->messages[way];

		if (message->made.exchange)
			turn_drop(turns, &message->made);
		if (message->walk)
			explicit_bzero(message->walk, sizeof(*message->walk));
		free(message->walk);
	}
	free(turns);
}
