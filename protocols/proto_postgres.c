/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's protocol 3: simple queries, the extended protocol with pipelining, COPY, errors. One
 * exchange a simple query or Execute. Of what the server sends only tags and error codes are read.
 *
 * Answers carry no number: they are given out in order. As soon as that order is in doubt the
 * connection is given up, so that no answer goes to another's question.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/cursor.h"
#include "protocols/body.h"
#include "protocols/postgres_names.h"
#include "protocols/postgres_probe.h"
#include "protocols/protocol.h"
#include "wire/event.h"

#define KEPT_MOST                                                                      \
	(256u << 10) /* of a message's body: a vector may be long, its LIMIT is behind \
		      */
#define PIPELINE 256
#define PIPELINE_LONG 192 /* from here on Executes of one statement are told as one */

struct half {
	uint8_t head[5];
	unsigned have; /* bytes of head[] */
	bool in_body;
	struct body body;
};

/* Something that the server will answer, in order. */
struct waiting {
	enum { WAIT_QUERY, WAIT_EXECUTE, WAIT_SYNC } type;
	struct exchange *exchange;
	uint64_t statement; /* a number, or 0: not known */
	uint64_t more;	    /* Executes of the same statement, told as one */
	uint64_t over;	    /* of all these */
};

struct postgres {
	struct exchange_host *host;
	bool knows_sides, is_server, started;
	bool asked_ssl;
	bool lost;     /* which answer is whose */
	bool skipping; /* after an error the server skips all until Sync */
	bool copying;  /* from the client: no Sync counts until it is done */
	struct half front, back;
	struct postgres_names names;
	struct waiting waiting[PIPELINE];
	unsigned first, count;
	uint64_t rows, affected;
	bool has_rows, has_affected;
	uint64_t sent;		  /* bytes of the client's that no exchange has taken yet */
	struct proto_piece begin; /* where the first of them came */
	char database[64];
};

static void postgres_open(void *state, struct exchange_host *host)
{
	struct postgres *postgres = state;

	postgres->host = host;
	postgres->names.host = host;
}

/* ---- what waits for an answer ---- */

static struct waiting *oldest(struct postgres *postgres)
{
	return postgres->count ? &postgres->waiting[postgres->first] : NULL;
}

static struct waiting *newest(struct postgres *postgres)
{
	return postgres->count
		? &postgres->waiting[(postgres->first + postgres->count - 1) % PIPELINE]
		: NULL;
}

static void drop_oldest(struct postgres *postgres)
{
	postgres->first = (postgres->first + 1) % PIPELINE;
	postgres->count--;
}

static void wait_for(struct postgres *postgres, struct waiting waiting)
{
	if (postgres->count == PIPELINE) {
		exchange_drop(waiting.exchange);
		postgres->lost = true;
		return;
	}
	postgres->waiting[(postgres->first + postgres->count++) % PIPELINE] = waiting;
}

/* ---- from the client ---- */

/* What the client has sent since the exchange before belongs to this one. */
static struct exchange *begin(
	struct postgres *postgres, enum proto_way way, const struct proto_piece *piece)
{
	struct exchange *exchange =
		exchange_begin(postgres->host, "postgres", way, &postgres->begin);

	exchange_string(exchange, "db.system.name", "postgresql");
	if (*postgres->database)
		exchange_string(exchange, "db.namespace", postgres->database);
	if (exchange)
		exchange->class = RT_CLASS_database_query;
	exchange_moved(exchange, way, piece, postgres->sent);
	postgres->sent = 0;
	return exchange;
}

/* Thousands of one statement's Executes in a row (executemany) are one exchange in the end. */
static bool joins_newest(struct postgres *postgres, uint64_t statement)
{
	struct waiting *last = newest(postgres);

	return postgres->count >= PIPELINE_LONG && last->type == WAIT_EXECUTE && statement &&
		last->statement == statement;
}

static void take_execute(struct postgres *postgres, struct cursor cursor, enum proto_way way,
	const struct proto_piece *piece)
{
	struct cursor again = cursor;
	uint64_t statement = postgres_execute(&postgres->names, &cursor, NULL);
	struct exchange *exchange;

	if (joins_newest(postgres, statement)) {
		newest(postgres)->more++;
		postgres_say(&postgres->names, again, newest(postgres)->exchange, false);
		exchange_moved(newest(postgres)->exchange, way, piece, postgres->sent);
		postgres->sent = 0;
		return;
	}
	exchange = begin(postgres, way, piece);
	postgres_say(&postgres->names, again, exchange, true);
	postgres_execute(&postgres->names, &again, exchange);
	wait_for(postgres,
		(struct waiting){
			.type = WAIT_EXECUTE, .exchange = exchange, .statement = statement});
}

static void take_query(struct postgres *postgres, struct cursor *cursor, enum proto_way way,
	const struct proto_piece *piece)
{
	struct exchange *exchange = begin(postgres, way, piece);
	struct sql_facts facts;
	size_t size;
	const char *text = postgres_text(cursor, &size);

	sql_read(&facts, SQL_POSTGRES, text, size);
	sql_put(exchange, &facts);
	exchange_say(exchange, SAID_STATEMENT, text, size);
	wait_for(postgres, (struct waiting){.type = WAIT_QUERY, .exchange = exchange});
}

/* "database\0name\0user\0..." */
static void take_startup(struct postgres *postgres, struct cursor *cursor)
{
	size_t key_size, value_size;

	while (cursor_left(cursor) > 1) {
		const char *key = postgres_text(cursor, &key_size);
		const char *value = postgres_text(cursor, &value_size);

		if (key_size != 8 || memcmp(key, "database", 8) != 0)
			continue;
		value_size = value_size < sizeof(postgres->database) - 1
			? value_size
			: sizeof(postgres->database) - 1;
		memcpy(postgres->database, value, value_size);
		postgres->database[value_size] = '\0';
	}
	/* the server says that it is ready as if asked to Sync */
	wait_for(postgres, (struct waiting){.type = WAIT_SYNC});
}

static void front_message(struct postgres *postgres, const struct half *half, enum proto_way way,
	const struct proto_piece *piece)
{
	struct cursor cursor = body_cursor(&half->body);

	switch (half->head[0]) {
	case 'Q':
		take_query(postgres, &cursor, way, piece);
		break;
	case 'P':
		postgres_parse(&postgres->names, &cursor);
		break;
	case 'B':
		postgres_bind(&postgres->names, &cursor);
		break;
	case 'C':
		postgres_close_name(&postgres->names, &cursor);
		break;
	case 'E':
		take_execute(postgres, cursor, way, piece);
		break;
	case 'S':
	case 'F': /* a function call: answered with ReadyForQuery too */
		if (!postgres->copying)
			wait_for(postgres, (struct waiting){.type = WAIT_SYNC});
		postgres->sent = 0;
		break;
	case 'H':
		postgres->sent = 0;
		break;
	case 'c':
	case 'f':
		postgres->copying = false;
		break;
	}
}

/* The client's bytes belong to what they prepare, or go on with what is being answered. */
static void count_sent(struct postgres *postgres, uint8_t type, enum proto_way way,
	const struct proto_piece *piece, size_t size)
{
	struct waiting *last = newest(postgres);

	if (type && strchr("QPBDCEF", type)) {
		if (!postgres->sent)
			postgres->begin = *piece;
		postgres->sent += size;
	} else if (last) {
		exchange_moved(last->exchange, way, piece, size);
	}
}

/* ---- from the server ---- */

static void answer(struct postgres *postgres, uint64_t ticks, const char *error)
{
	struct waiting waiting = *oldest(postgres);

	drop_oldest(postgres);
	if (postgres->has_rows)
		exchange_int(
			waiting.exchange, "db.response.returned_rows", (int64_t)postgres->rows);
	if (postgres->has_affected)
		exchange_int(
			waiting.exchange, "ragtime.affected_rows", (int64_t)postgres->affected);
	if (waiting.more)
		exchange_int(
			waiting.exchange, "db.operation.batch.size", (int64_t)waiting.more + 1);
	if (error && waiting.exchange) {
		waiting.exchange->failed = true;
		exchange_string(waiting.exchange, "error.type", error);
	}
	postgres->rows = postgres->affected = 0;
	postgres->has_rows = postgres->has_affected = false;
	exchange_end(waiting.exchange, ticks);
}

/* The last word of a tag such as "SELECT 5" or "INSERT 0 1". */
static void take_tag(struct postgres *postgres, const struct half *half)
{
	struct cursor cursor = body_cursor(&half->body);
	uint64_t number = 0;
	size_t size, at;
	const char *text = postgres_text(&cursor, &size);

	for (at = size; at && text[at - 1] >= '0' && text[at - 1] <= '9';)
		at--;
	for (size_t i = at; i < size && number < INT64_MAX / 16; i++)
		number = number * 10 + (uint64_t)(text[i] - '0');
	if (size > 7 && !memcmp(text, "SELECT ", 7)) {
		postgres->has_rows = true;
	} else if (at < size) {
		postgres->affected += number;
		postgres->has_affected = true;
	}
}

/* Fields of an error: a byte and a text each; only the code is told, the message may quote data. */
static void take_error(struct postgres *postgres, const struct half *half)
{
	struct waiting *waiting = oldest(postgres);
	struct cursor cursor = body_cursor(&half->body);

	if (!waiting || !waiting->exchange)
		return;
	waiting->exchange->failed = true;
	while (cursor_left(&cursor) > 1) {
		uint8_t field = cursor_u8(&cursor);
		size_t size, word = 0;
		const char *text = postgres_text(&cursor, &size);

		while (word < size &&
			((text[word] >= '0' && text[word] <= '9') ||
				(text[word] >= 'A' && text[word] <= 'Z')))
			word++;
		if (field == 'C' && size == 5 && word == 5) {
			exchange_text(waiting->exchange, "db.response.status_code", text, size);
			exchange_text(waiting->exchange, "error.type", text, size);
		}
	}
}

/* ReadyForQuery: a simple query is over, or a Sync with all that was skipped until it. */
static bool end_batch(struct postgres *postgres, uint64_t ticks)
{
	bool skipping = postgres->skipping;

	postgres->skipping = postgres->copying = false;
	while (postgres->count) {
		struct waiting waiting = *oldest(postgres);

		if (waiting.type == WAIT_SYNC) {
			drop_oldest(postgres);
			return true;
		}
		if (waiting.type == WAIT_QUERY && !skipping) {
			answer(postgres, ticks, NULL);
			return true;
		}
		if (!skipping)
			return false;
		answer(postgres, ticks, "skipped");
	}
	return false;
}

static bool end_execute(struct postgres *postgres, uint64_t ticks)
{
	struct waiting *waiting = oldest(postgres);

	if (!waiting || waiting->type == WAIT_SYNC)
		return false;
	if (waiting->type == WAIT_EXECUTE) {
		if (waiting->over++ < waiting->more)
			return true;
		answer(postgres, ticks, NULL);
	}
	return true;
}

/* While the client copies, the Syncs that it has sent along are ignored. */
static bool begin_copy(struct postgres *postgres)
{
	struct waiting *waiting = oldest(postgres);

	if (!waiting || waiting->type == WAIT_SYNC)
		return false;
	if (waiting->type == WAIT_QUERY)
		return true;
	for (; postgres->count > 1; postgres->count--) {
		if (newest(postgres)->type != WAIT_SYNC)
			return false;
	}
	postgres->copying = true;
	return true;
}

/* False when this cannot be the answer to what waits for one. */
static bool back_message(struct postgres *postgres, const struct half *half, uint64_t ticks)
{
	struct waiting *waiting = oldest(postgres);

	switch (half->head[0]) {
	case 'D':
		postgres->rows++;
		postgres->has_rows = true;
		return waiting && waiting->type != WAIT_SYNC;
	case 'C':
		take_tag(postgres, half);
		return end_execute(postgres, ticks);
	case 'I':
	case 's':
		return end_execute(postgres, ticks);
	case 'G':
		return begin_copy(postgres);
	case 'E':
		take_error(postgres, half);
		postgres->copying = false;
		if (waiting && waiting->type == WAIT_EXECUTE) {
			postgres->skipping = true;
			answer(postgres, ticks, NULL);
		}
		return true;
	case 'Z':
		return end_batch(postgres, ticks);
	}
	return true;
}

/* ---- framing ---- */

/* The first message has no type byte. */
static bool is_startup(const struct postgres *postgres, bool is_front)
{
	return is_front && !postgres->started;
}

/* How much of a message is worth keeping; all else is never copied. */
static size_t wanted_of(uint8_t type, bool untyped, bool is_front)
{
	if (untyped)
		return STARTUP_MOST;
	return strchr(is_front ? "QPBCE" : "CE", type) ? KEPT_MOST : 0;
}

static bool take_head(struct postgres *postgres, struct half *half, bool is_front)
{
	bool untyped = is_startup(postgres, is_front);
	uint32_t length = postgres_be32(half->head + !untyped);
	uint8_t type = half->head[0];

	if (length < 4 || length > (untyped ? STARTUP_MOST : 1u << 30))
		return false;
	if (!untyped &&
		(!type || !strchr(is_front ? "QPBDCESHXFpdcf" : "RSKZTDCEN123sItnGHAVdcv", type)))
		return false;
	body_open(&half->body, length - 4, wanted_of(type, untyped, is_front));
	half->in_body = true;
	return true;
}

static bool startup_is_over(struct postgres *postgres, const struct half *half)
{
	struct cursor cursor = body_cursor(&half->body);
	const uint8_t *code = cursor_take(&cursor, 4);

	if (!code || postgres_be32(code) == CODE_CANCEL)
		return false;
	postgres->asked_ssl = postgres_be32(code) != CODE_STARTUP;
	postgres->started = !postgres->asked_ssl;
	if (postgres->started)
		take_startup(postgres, &cursor);
	return true;
}

static bool body_is_over(struct postgres *postgres, struct half *half, bool is_front,
	enum proto_way way, const struct proto_piece *piece)
{
	bool known = true;

	half->in_body = false;
	half->have = 0;
	if (is_startup(postgres, is_front))
		known = startup_is_over(postgres, half);
	else if (is_front)
		front_message(postgres, half, way, piece);
	else
		known = back_message(postgres, half, piece->ticks);
	body_trim(&half->body);
	return known && !postgres->lost;
}

/* How many bytes feed_step takes. */
static size_t step_size(const struct half *half, size_t size)
{
	if (!half->in_body)
		return 1;
	return size < half->body.left ? size : (size_t)half->body.left;
}

static bool feed_step(struct postgres *postgres, struct half *half, bool is_front,
	enum proto_way way, const struct proto_piece *piece)
{
	unsigned head_size = is_startup(postgres, is_front) ? 4 : 5;

	if (half->in_body) {
		body_feed(&half->body, piece->bytes, piece->size);
	} else {
		half->head[half->have++] = *piece->bytes;
		if (half->have == head_size && !take_head(postgres, half, is_front))
			return false;
	}
	return !half->in_body || half->body.left ||
		body_is_over(postgres, half, is_front, way, piece);
}

static void count_bytes(struct postgres *postgres, const struct half *half, bool is_front,
	enum proto_way way, const struct proto_piece *piece, size_t size)
{
	struct waiting *waiting = oldest(postgres);

	if (!is_front && waiting)
		exchange_moved(waiting->exchange, way, piece, size);
	else if (is_front && postgres->started)
		count_sent(postgres, half->have ? half->head[0] : *piece->bytes, way, piece, size);
}

static bool feed_all(
	struct postgres *postgres, bool is_front, enum proto_way way, struct proto_piece rest)
{
	struct half *half = is_front ? &postgres->front : &postgres->back;

	if (!is_front && postgres->asked_ssl && rest.size) {
		/* one byte: S goes on in TLS, which is another stream; N goes on here */
		if (*rest.bytes != 'N')
			return false;
		postgres->asked_ssl = false;
		rest.bytes++;
		rest.size--;
	}
	while (rest.size) {
		size_t size = step_size(half, rest.size);

		count_bytes(postgres, half, is_front, way, &rest, size);
		if (!feed_step(postgres, half, is_front, way, &rest))
			return false;
		proto_piece_skip(&rest, size);
	}
	return true;
}

static enum proto_verdict postgres_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct postgres *postgres = state;

	if (!postgres->knows_sides) {
		postgres->is_server = way == PROTO_IN;
		postgres->knows_sides = true;
		/* joined later: startups begin with the high byte of a small length */
		postgres->started = piece->size && piece->bytes[0];
	}
	if (postgres->lost ||
		!feed_all(postgres, (way == PROTO_IN) == postgres->is_server, way, *piece)) {
		postgres->lost = true;
		return PROTO_NOT_MINE;
	}
	return PROTO_OK;
}

static void postgres_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct postgres *postgres = state;
	struct proto_piece piece = {.ticks = ticks};
	bool is_front = (way == PROTO_IN) == postgres->is_server;
	struct half *half = is_front ? &postgres->front : &postgres->back;

	if (!half->in_body || !body_gap(&half->body, size)) {
		postgres->lost = true;
		return;
	}
	count_bytes(postgres, half, is_front, way, &piece, (size_t)size);
	if (!half->body.left && !body_is_over(postgres, half, is_front, way, &piece))
		postgres->lost = true;
}

static void postgres_close(void *state, uint64_t ticks)
{
	struct postgres *postgres = state;

	while (postgres->count) {
		struct exchange *exchange = oldest(postgres)->exchange;

		if (postgres->lost) {
			exchange_drop(exchange);
			drop_oldest(postgres);
		} else {
			answer(postgres, ticks,
				exchange_find(exchange, "error.type") ? NULL : "connection_closed");
		}
	}
	postgres_names_free(&postgres->names);
	body_free(&postgres->front.body);
	body_free(&postgres->back.body);
}

const struct protocol protocol_postgres = {
	.name = "postgres",
	.state_size = sizeof(struct postgres),
	.probe = postgres_probe,
	.open = postgres_open,
	.feed = postgres_feed,
	.gap = postgres_gap,
	.close = postgres_close,
};
