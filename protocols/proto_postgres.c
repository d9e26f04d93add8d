/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's protocol 3: simple queries, the extended protocol with prepared statements and
 * pipelining, COPY, errors. One exchange a simple query or Execute; parameters are never read but
 * for the number of a LIMIT.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/cursor.h"
#include "protocols/content/sql.h"
#include "protocols/protocol.h"
#include "wire/event.h"

#define KEPT 8192 /* of a message's body; longer statements are cut */
#define PIPELINE 256
#define STATEMENTS 128 /* prepared ones remembered; the oldest make room */

enum { CODE_STARTUP = 196608, CODE_SSL = 80877103, CODE_GSS = 80877104, CODE_CANCEL = 80877102 };

struct half {
	uint8_t head[5];
	unsigned have; /* bytes of head[] */
	uint64_t left; /* of the body */
	bool in_body;
	bool lost;
	size_t kept;
	uint8_t body[KEPT];
};

struct statement {
	uint64_t name; /* hash of its name and 1; 0: vacant */
	struct sql_facts facts;
};

/* Something that the server will answer, in order. */
struct waiting {
	enum { WAIT_QUERY, WAIT_EXECUTE, WAIT_SYNC } type;
	struct exchange *exchange;
};

struct postgres {
	struct exchange_host *host;
	bool knows_sides, is_server, started;
	bool asked_ssl;
	struct half front, back;
	struct statement statements[STATEMENTS];
	unsigned next_statement;
	struct statement *bound; /* by the last Bind */
	int64_t bound_limit;
	struct exchange *batch; /* of the query or Execute being read */
	struct waiting waiting[PIPELINE];
	unsigned first, count;
	uint64_t rows;
	uint64_t sent; /* bytes of the client's that no exchange has taken yet */
	char database[64];
};

static uint32_t be32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
		bytes[3];
}

static uint16_t be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static enum proto_verdict postgres_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	uint32_t length, code;

	(void)way;
	if (bytes[0])
		return PROTO_NOT_MINE;
	if (size < 8)
		return PROTO_NEED_MORE;
	length = be32(bytes);
	code = be32(bytes + 4);
	if (length < 8 || length > 10000)
		return PROTO_NOT_MINE;
	return code == CODE_STARTUP || ((code == CODE_SSL || code == CODE_GSS) && length == 8)
		? PROTO_OK
		: PROTO_NOT_MINE;
}

static void postgres_open(void *state, struct exchange_host *host)
{
	struct postgres *postgres = state;

	postgres->host = host;
}

/* ---- what waits for an answer ---- */

static void drop_oldest(struct postgres *postgres)
{
	postgres->first = (postgres->first + 1) % PIPELINE;
	postgres->count--;
}

static void wait_for(struct postgres *postgres, int type, struct exchange *exchange)
{
	if (postgres->count == PIPELINE) {
		exchange_drop(postgres->waiting[postgres->first].exchange);
		drop_oldest(postgres);
	}
	postgres->waiting[(postgres->first + postgres->count++) % PIPELINE] =
		(struct waiting){.type = type, .exchange = exchange};
}

static struct waiting *oldest(struct postgres *postgres)
{
	return postgres->count ? &postgres->waiting[postgres->first] : NULL;
}

static struct exchange *begin(
	struct postgres *postgres, enum proto_way way, const struct proto_piece *piece)
{
	struct exchange *exchange = exchange_begin(postgres->host, "postgres", way, piece);

	exchange_string(exchange, "db.system.name", "postgresql");
	if (*postgres->database)
		exchange_string(exchange, "db.namespace", postgres->database);
	if (exchange)
		exchange->class = RT_CLASS_database_query;
	return exchange;
}

/* ---- from the client ---- */

/* What the client has sent since the exchange before belongs to this one. */
static void take_sent(struct postgres *postgres, struct exchange *exchange, enum proto_way way,
	const struct proto_piece *piece)
{
	exchange_moved(exchange, way, piece, postgres->sent);
	postgres->sent = 0;
}

static const char *take_text(struct cursor *cursor, size_t *size)
{
	const uint8_t *end = memchr(cursor->at, 0, cursor_left(cursor));
	const char *text = (const char *)cursor->at;

	*size = end ? (size_t)(end - cursor->at) : cursor_left(cursor);
	cursor_take(cursor, *size + (end != NULL));
	return text;
}

static uint64_t name_hash(struct postgres *postgres, const char *name, size_t size)
{
	return postgres->host->hash(postgres->host->context, name, size) | 1;
}

static struct statement *find_statement(struct postgres *postgres, uint64_t name)
{
	for (unsigned i = 0; i < STATEMENTS; i++) {
		if (postgres->statements[i].name == name)
			return &postgres->statements[i];
	}
	return NULL;
}

static void take_parse(struct postgres *postgres, struct cursor *cursor)
{
	size_t name_size, text_size;
	const char *name = take_text(cursor, &name_size);
	const char *text = take_text(cursor, &text_size);
	uint64_t hash = name_hash(postgres, name, name_size);
	struct statement *statement = find_statement(postgres, hash);

	if (!statement) {
		statement = &postgres->statements[postgres->next_statement++ % STATEMENTS];
		if (postgres->bound == statement)
			postgres->bound = NULL;
	}
	statement->name = hash;
	sql_read(&statement->facts, text, text_size);
}

static int64_t parameter_number(const uint8_t *bytes, size_t size, bool is_binary)
{
	int64_t number = 0;

	if (is_binary) {
		for (size_t i = 0; i < size && size <= 8; i++)
			number = number << 8 | bytes[i];
		return size && size <= 8 ? number : -1;
	}
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] < '0' || bytes[i] > '9' || number > 1000000000)
			return -1;
		number = number * 10 + (bytes[i] - '0');
	}
	return size ? number : -1;
}

/* The value of one parameter, by its number from 1; -1 where it is no small number. */
static int64_t bound_parameter(struct cursor *cursor, int wanted)
{
	const uint8_t *count = cursor_take(cursor, 2);
	unsigned formats = count ? be16(count) : 0;
	const uint8_t *format = cursor_take(cursor, (size_t)formats * 2);
	const uint8_t *size;
	bool is_binary;

	cursor_take(cursor, 2);
	for (int number = 1; !cursor->bad && (size = cursor_take(cursor, 4)); number++) {
		uint32_t length = be32(size);
		const uint8_t *bytes = length == UINT32_MAX ? NULL : cursor_take(cursor, length);

		if (number != wanted)
			continue;
		is_binary = formats && format &&
			be16(format +
				(formats == 1 ? 0 : (size_t)(wanted - 1) * 2 % (formats * 2)));
		return bytes ? parameter_number(bytes, length, is_binary) : -1;
	}
	return -1;
}

static void take_bind(struct postgres *postgres, struct cursor *cursor)
{
	size_t portal_size, name_size;
	const char *name;

	take_text(cursor, &portal_size);
	name = take_text(cursor, &name_size);
	postgres->bound = find_statement(postgres, name_hash(postgres, name, name_size));
	postgres->bound_limit = -1;
	if (postgres->bound && postgres->bound->facts.limit_parameter)
		postgres->bound_limit =
			bound_parameter(cursor, postgres->bound->facts.limit_parameter);
}

static void take_execute(struct postgres *postgres)
{
	struct exchange *exchange = postgres->batch;

	postgres->batch = NULL;
	if (postgres->bound) {
		sql_put(exchange, &postgres->bound->facts);
		if (*postgres->bound->facts.vector_operator && postgres->bound_limit >= 0)
			exchange_int(exchange, "ragtime.k", postgres->bound_limit);
		exchange_bool(exchange, "ragtime.prepared",
			postgres->bound->name != name_hash(postgres, "", 0));
	} else {
		exchange_name(exchange, "EXECUTE");
	}
	wait_for(postgres, WAIT_EXECUTE, exchange);
}

static void take_query(struct postgres *postgres, struct cursor *cursor)
{
	struct sql_facts facts;
	size_t size;
	const char *text = take_text(cursor, &size);

	sql_read(&facts, text, size);
	sql_put(postgres->batch, &facts);
	wait_for(postgres, WAIT_QUERY, postgres->batch);
	postgres->batch = NULL;
}

/* "database\0name\0user\0..." */
static void take_startup(struct postgres *postgres, struct cursor *cursor)
{
	size_t key_size, value_size;

	while (cursor_left(cursor) > 1) {
		const char *key = take_text(cursor, &key_size);
		const char *value = take_text(cursor, &value_size);

		if (key_size != 8 || memcmp(key, "database", 8) != 0)
			continue;
		value_size = value_size < sizeof(postgres->database) - 1
			? value_size
			: sizeof(postgres->database) - 1;
		memcpy(postgres->database, value, value_size);
		postgres->database[value_size] = '\0';
	}
}

static void front_message(struct postgres *postgres, struct half *half, enum proto_way way,
	const struct proto_piece *piece)
{
	struct cursor cursor = cursor_over(half->body, half->kept);
	uint8_t type = half->head[0];

	if (type == 'Q' || type == 'E') {
		postgres->batch = begin(postgres, way, piece);
		take_sent(postgres, postgres->batch, way, piece);
	}
	switch (type) {
	case 'Q':
		take_query(postgres, &cursor);
		break;
	case 'P':
		take_parse(postgres, &cursor);
		break;
	case 'B':
		take_bind(postgres, &cursor);
		break;
	case 'E':
		take_execute(postgres);
		break;
	case 'S':
		wait_for(postgres, WAIT_SYNC, NULL);
		break;
	}
}

/* ---- from the server ---- */

static void answer(struct postgres *postgres, uint64_t ticks)
{
	struct waiting *waiting = oldest(postgres);

	if (!waiting || waiting->type == WAIT_SYNC)
		return;
	if (postgres->rows)
		exchange_int(
			waiting->exchange, "db.response.returned_rows", (int64_t)postgres->rows);
	postgres->rows = 0;
	exchange_end(waiting->exchange, ticks);
	drop_oldest(postgres);
}

/* The last word of a tag such as "SELECT 5" or "INSERT 0 1". */
static void take_tag(struct postgres *postgres, const struct half *half)
{
	struct waiting *waiting = oldest(postgres);
	const char *text = (const char *)half->body;
	size_t size = strnlen(text, half->kept), at = size;
	int64_t number = 0;

	while (at && text[at - 1] >= '0' && text[at - 1] <= '9')
		at--;
	for (size_t i = at; i < size && number < INT64_MAX / 16; i++)
		number = number * 10 + (text[i] - '0');
	if (at < size && waiting && !postgres->rows)
		exchange_int(waiting->exchange, "ragtime.affected_rows", number);
}

/* Fields of an error: a byte and a text each; only the code is told, the message may quote data. */
static void take_error(struct postgres *postgres, const struct half *half)
{
	struct waiting *waiting = oldest(postgres);
	struct cursor cursor = cursor_over(half->body, half->kept);

	if (!waiting || !waiting->exchange)
		return;
	waiting->exchange->failed = true;
	while (cursor_left(&cursor) > 1) {
		uint8_t field = cursor_u8(&cursor);
		size_t size;
		const char *text = take_text(&cursor, &size);

		if (field == 'C') {
			exchange_text(waiting->exchange, "db.response.status_code", text, size);
			exchange_text(waiting->exchange, "error.type", text, size);
		}
	}
}

/* After an error the server skips all until Sync. */
static void end_batch(struct postgres *postgres, uint64_t ticks)
{
	while (postgres->count) {
		struct waiting waiting = *oldest(postgres);

		if (waiting.type != WAIT_SYNC)
			answer(postgres, ticks);
		else
			drop_oldest(postgres);
		if (waiting.type != WAIT_EXECUTE)
			break;
	}
}

static void back_message(struct postgres *postgres, const struct half *half, uint64_t ticks)
{
	struct waiting *waiting = oldest(postgres);

	switch (half->head[0]) {
	case 'D':
		postgres->rows++;
		break;
	case 'C':
		take_tag(postgres, half);
		/* fall through */
	case 'I':
	case 's':
		if (waiting && waiting->type == WAIT_EXECUTE)
			answer(postgres, ticks);
		break;
	case 'E':
		take_error(postgres, half);
		if (waiting && waiting->type == WAIT_EXECUTE)
			answer(postgres, ticks);
		break;
	case 'Z':
		end_batch(postgres, ticks);
		break;
	}
}

/* ---- framing ---- */

/* The first message has no type byte. */
static bool is_startup(const struct postgres *postgres, bool is_front)
{
	return is_front && !postgres->started;
}

static bool take_head(struct postgres *postgres, struct half *half, bool is_front)
{
	bool untyped = is_startup(postgres, is_front);
	uint32_t length = be32(half->head + !untyped);

	if (length < 4 || length > (1u << 30))
		return false;
	half->left = length - 4;
	half->kept = 0;
	half->in_body = true;
	return true;
}

static bool body_is_over(struct postgres *postgres, struct half *half, bool is_front,
	enum proto_way way, const struct proto_piece *piece)
{
	half->in_body = false;
	half->have = 0;
	if (is_startup(postgres, is_front)) {
		struct cursor cursor = cursor_over(half->body, half->kept);
		const uint8_t *code = cursor_take(&cursor, 4);

		if (!code || be32(code) == CODE_CANCEL)
			return false;
		postgres->asked_ssl = be32(code) != CODE_STARTUP;
		postgres->started = !postgres->asked_ssl;
		if (postgres->started)
			take_startup(postgres, &cursor);
	} else if (is_front) {
		front_message(postgres, half, way, piece);
	} else {
		back_message(postgres, half, piece->ticks);
	}
	return true;
}

static size_t keep_body(struct half *half, const uint8_t *bytes, size_t size)
{
	size_t run = size < half->left ? size : (size_t)half->left;
	size_t room = KEPT - half->kept;

	memcpy(half->body + half->kept, bytes, run < room ? run : room);
	half->kept += run < room ? run : room;
	half->left -= run;
	return run;
}

/* How many bytes feed_step takes. */
static size_t step_size(const struct half *half, size_t size)
{
	if (!half->in_body)
		return 1;
	return size < half->left ? size : (size_t)half->left;
}

static size_t feed_step(struct postgres *postgres, struct half *half, bool is_front,
	enum proto_way way, const struct proto_piece *piece)
{
	unsigned head_size = is_startup(postgres, is_front) ? 4 : 5;
	size_t taken;

	if (!half->in_body) {
		half->head[half->have++] = *piece->bytes;
		taken = 1;
		if (half->have == head_size && !take_head(postgres, half, is_front))
			return 0;
	} else {
		taken = keep_body(half, piece->bytes, piece->size);
	}
	if (half->in_body && !half->left && !body_is_over(postgres, half, is_front, way, piece))
		return 0;
	return taken;
}

static enum proto_verdict postgres_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct postgres *postgres = state;
	struct proto_piece rest = *piece;
	bool is_front;
	struct half *half;

	if (!postgres->knows_sides) {
		postgres->is_server = way == PROTO_IN;
		postgres->knows_sides = true;
	}
	is_front = (way == PROTO_IN) == postgres->is_server;
	half = is_front ? &postgres->front : &postgres->back;
	if (half->lost)
		return PROTO_NOT_MINE;
	if (!is_front && postgres->asked_ssl && rest.size) {
		/* one byte: S goes on in TLS, which is another stream; N goes on here */
		if (*rest.bytes != 'N')
			return PROTO_NOT_MINE;
		postgres->asked_ssl = false;
		rest.bytes++;
		rest.size--;
	}
	while (rest.size) {
		struct waiting *waiting = is_front ? NULL : oldest(postgres);
		size_t taken;

		if (is_front)
			postgres->sent += step_size(half, rest.size);
		else if (waiting && waiting->type != WAIT_SYNC)
			exchange_moved(waiting->exchange, way, &rest, step_size(half, rest.size));
		taken = feed_step(postgres, half, is_front, way, &rest);
		if (!taken)
			return PROTO_NOT_MINE;
		rest.bytes += taken;
		rest.size -= taken;
	}
	return PROTO_OK;
}

static void postgres_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct postgres *postgres = state;
	bool is_front = (way == PROTO_IN) == postgres->is_server;
	struct half *half = is_front ? &postgres->front : &postgres->back;

	(void)ticks;
	if (half->in_body && size < half->left)
		half->left -= size;
	else
		half->lost = true;
}

static void postgres_close(void *state, uint64_t ticks)
{
	struct postgres *postgres = state;

	for (; postgres->count; drop_oldest(postgres)) {
		struct exchange *exchange = oldest(postgres)->exchange;

		if (!exchange)
			continue;
		exchange->failed = true;
		exchange_string(exchange, "error.type", "connection_closed");
		exchange_end(exchange, ticks);
	}
	exchange_drop(postgres->batch);
	postgres->batch = NULL;
	explicit_bzero(postgres->front.body, KEPT);
	explicit_bzero(postgres->back.body, KEPT);
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
