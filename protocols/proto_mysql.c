/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL's and MariaDB's protocol: the server greets, then one command at a time: queries, prepared
 * statements, errors, counts of rows. Packets carry sequence numbers; where they do not fit, or a
 * feature changes the framing (compression), the connection is given up.
 */
#include <stdio.h>
#include <string.h>

#include "lib/cursor.h"
#include "protocols/body.h"
#include "protocols/content/sql.h"
#include "protocols/mysql_wire.h"
#include "protocols/protocol.h"
#include "wire/event.h"

#define KEPT_MOST (256u << 10) /* of a command */
#define KEPT_REPLY 512u
#define PACKET_MOST 0xffffffu /* a packet of this size goes on in the next one */
#define STATEMENTS 64	      /* prepared ones; the oldest make room */
#define NAME_BYTES 64

struct half {
	uint8_t head[4];
	unsigned have;
	bool in_body;
	bool continues; /* the packet at hand goes on with the one before */
	bool is_full;	/* and goes on in the next one */
	struct body body;
};

struct statement {
	uint32_t number;
	uint64_t serial; /* 0: vacant */
	struct sql_facts facts;
};

struct mysql {
	struct exchange_host *host;
	bool knows_sides, is_server;
	bool lost;
	enum {
		PHASE_GREETING,
		PHASE_LOGIN,
		PHASE_READY,   /* for a command */
		PHASE_RESULT,  /* its first packet is due */
		PHASE_COLUMNS, /* `due` packets, and what marks their end */
		PHASE_ROWS,
		PHASE_SKIP, /* `due` packets that say nothing */
		PHASE_FILE, /* the client sends one */
	} phase;
	uint8_t sequence; /* of the next packet */
	uint8_t command;
	bool is_mariadb, no_eof, no_escapes;
	uint64_t due;
	uint64_t rows, affected;
	bool has_rows, has_affected;
	struct half halves[2]; /* by way */
	struct exchange *exchange;
	struct sql_facts preparing;
	struct statement statements[STATEMENTS];
	uint64_t serial;
	uint64_t sent;
	struct proto_piece begin;
	char database[NAME_BYTES];
};

/* A greeting of protocol 10, or, where TLS began behind one, the client's answer to it. */
static enum proto_verdict mysql_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	static const uint8_t zeros[19];
	uint32_t flags;

	(void)way;
	if (size > 2 && (bytes[2] || (bytes[0] | bytes[1] << 8) < 32))
		return PROTO_NOT_MINE;
	if (size > 3 && bytes[3] != 0 && bytes[3] != 2)
		return PROTO_NOT_MINE;
	if (size > 4 && bytes[3] == 0 && bytes[4] != 10)
		return PROTO_NOT_MINE;
	if (size < 6)
		return PROTO_NEED_MORE;
	if (bytes[3] == 0)
		return bytes[5] >= '1' && bytes[5] <= '9' ? PROTO_OK : PROTO_NOT_MINE;
	if (size < 32)
		return PROTO_NEED_MORE;
	memcpy(&flags, bytes + 4, 4);
	return flags & CLIENT_41 && flags & CLIENT_SSL && !memcmp(bytes + 13, zeros, 19)
		? PROTO_OK
		: PROTO_NOT_MINE;
}

static void mysql_open(void *state, struct exchange_host *host)
{
	struct mysql *mysql = state;

	mysql->host = host;
}

/* ---- fields ---- */

static void take_database(struct mysql *mysql, struct cursor *cursor)
{
	size_t size = strnlen((const char *)cursor->at, cursor_left(cursor));

	size = size < NAME_BYTES - 1 ? size : NAME_BYTES - 1;
	memcpy(mysql->database, cursor->at, size);
	mysql->database[size] = '\0';
}

/* False when what follows is framed in a way that is not known here, TLS for one. */
static bool take_login(struct mysql *mysql, struct cursor cursor)
{
	uint32_t flags = cursor_le32(&cursor);
	size_t user;

	cursor_take(&cursor, 28);
	if (cursor.bad || !(flags & CLIENT_41) || !cursor_left(&cursor) ||
		flags & (CLIENT_COMPRESS | CLIENT_NO_METADATA | CLIENT_ZSTD))
		return false;
	mysql->no_eof = (flags & CLIENT_NO_EOF) != 0;
	user = strnlen((const char *)cursor.at, cursor_left(&cursor));
	cursor_take(&cursor, user + 1);
	if (flags & CLIENT_LONG_AUTH) {
		uint64_t size = mysql_number(&cursor);

		cursor_take(&cursor, size < PACKET_MOST ? (size_t)size : PACKET_MOST);
	} else if (flags & CLIENT_SHORT_AUTH) {
		cursor_take(&cursor, cursor_u8(&cursor));
	} else {
		cursor_take(&cursor, strnlen((const char *)cursor.at, cursor_left(&cursor)) + 1);
	}
	if (flags & CLIENT_DATABASE && !cursor.bad)
		take_database(mysql, &cursor);
	return true;
}

/* ---- commands ---- */

static struct statement *find_statement(struct mysql *mysql, uint32_t number)
{
	for (unsigned i = 0; i < STATEMENTS; i++) {
		if (mysql->statements[i].serial && mysql->statements[i].number == number)
			return &mysql->statements[i];
	}
	return NULL;
}

static void keep_statement(struct mysql *mysql, uint32_t number)
{
	struct statement *place = find_statement(mysql, number);
	struct statement *oldest = mysql->statements;

	for (unsigned i = 0; i < STATEMENTS && !place; i++) {
		/* vacant ones are the oldest */
		if (mysql->statements[i].serial < oldest->serial)
			oldest = &mysql->statements[i];
	}
	place = place ? place : oldest;
	*place = (struct statement){
		.number = number, .serial = ++mysql->serial, .facts = mysql->preparing};
}

static void begin(struct mysql *mysql, enum proto_way way, const struct proto_piece *piece)
{
	struct exchange *exchange = exchange_begin(mysql->host, "mysql", way, &mysql->begin);

	exchange_string(exchange, "db.system.name", mysql->is_mariadb ? "mariadb" : "mysql");
	if (*mysql->database)
		exchange_string(exchange, "db.namespace", mysql->database);
	if (exchange)
		exchange->class = RT_CLASS_database_query;
	exchange_moved(exchange, way, piece, mysql->sent);
	mysql->sent = 0;
	mysql->exchange = exchange;
	mysql->rows = mysql->affected = 0;
	mysql->has_rows = mysql->has_affected = false;
	mysql->phase = PHASE_RESULT;
}

static void read_statement(struct mysql *mysql, struct cursor *cursor, struct sql_facts *facts)
{
	exchange_say(mysql->exchange, SAID_STATEMENT, cursor->at, cursor_left(cursor));
	sql_read(facts, mysql->no_escapes ? SQL_MYSQL_PLAIN : SQL_MYSQL, (const char *)cursor->at,
		cursor_left(cursor));
}

static void take_execute(struct mysql *mysql, struct cursor *cursor)
{
	const struct statement *statement = find_statement(mysql, cursor_le32(cursor));

	if (statement)
		sql_put(mysql->exchange, &statement->facts);
	else
		exchange_name(mysql->exchange, "EXECUTE");
	exchange_bool(mysql->exchange, "ragtime.prepared", true);
}

static void take_prepare(struct mysql *mysql, struct cursor *cursor)
{
	read_statement(mysql, cursor, &mysql->preparing);
	sql_put(mysql->exchange, &mysql->preparing);
	exchange_string(mysql->exchange, "db.operation.name", "PREPARE");
	exchange_name(mysql->exchange, "PREPARE %s %s", mysql->preparing.operation,
		mysql->preparing.table);
	if (mysql->exchange)
		mysql->exchange->class = RT_CLASS_database_query;
}

static void take_name(struct mysql *mysql, const char *name)
{
	exchange_string(mysql->exchange, "db.operation.name", name);
	exchange_name(mysql->exchange, "%s", name);
}

/* False for those whose answers are not known here. */
static bool take_command(struct mysql *mysql, enum proto_way way, const struct proto_piece *piece)
{
	struct cursor cursor = body_cursor(&mysql->halves[way].body);
	struct sql_facts facts;

	mysql->command = cursor_u8(&cursor);
	if (mysql->command == COM_QUIT || mysql->command == COM_LONG_DATA ||
		mysql->command == COM_CLOSE) {
		struct statement *statement = mysql->command == COM_CLOSE
			? find_statement(mysql, cursor_le32(&cursor))
			: NULL;

		if (statement)
			statement->serial = 0;
		mysql->sent = 0;
		return true;
	}
	begin(mysql, way, piece);
	switch (mysql->command) {
	case COM_QUERY:
		read_statement(mysql, &cursor, &facts);
		sql_put(mysql->exchange, &facts);
		return true;
	case COM_PREPARE:
		take_prepare(mysql, &cursor);
		return true;
	case COM_EXECUTE:
		take_execute(mysql, &cursor);
		return true;
	case COM_FETCH:
		take_execute(mysql, &cursor);
		exchange_string(mysql->exchange, "db.operation.name", "FETCH");
		mysql->phase = PHASE_ROWS;
		mysql->has_rows = true;
		return true;
	case COM_INIT_DB:
		take_database(mysql, &cursor);
		take_name(mysql, "USE");
		return true;
	case COM_PING:
	case COM_STATISTICS:
	case COM_RESET:
	case COM_SET_OPTION:
	case COM_RESET_CONNECTION:
		take_name(mysql, mysql->command == COM_PING ? "PING" : "ADMIN");
		return true;
	}
	return false;
}

static bool front_packet(struct mysql *mysql, enum proto_way way, const struct proto_piece *piece)
{
	const struct half *half = &mysql->halves[way];

	switch (mysql->phase) {
	case PHASE_GREETING: /* of a stream within TLS */
	case PHASE_LOGIN:
		if (mysql->phase == PHASE_GREETING || half->head[3] == 1) {
			mysql->phase = PHASE_LOGIN;
			return take_login(mysql, body_cursor(&half->body));
		}
		return true;
	case PHASE_READY:
		return take_command(mysql, way, piece);
	case PHASE_FILE:
		if (!half->body.wanted)
			mysql->phase = PHASE_RESULT;
		return true;
	default:
		return false;
	}
}

/* ---- results ---- */

static void answer(struct mysql *mysql, uint64_t ticks)
{
	if (mysql->has_rows)
		exchange_int(mysql->exchange, "db.response.returned_rows", (int64_t)mysql->rows);
	else if (mysql->has_affected)
		exchange_int(mysql->exchange, "ragtime.affected_rows", (int64_t)mysql->affected);
	exchange_end(mysql->exchange, ticks);
	mysql->exchange = NULL;
	mysql->phase = PHASE_READY;
}

/* A code and a state; the message may quote data. */
static void take_error(struct mysql *mysql, struct cursor cursor, uint64_t ticks)
{
	char code[8];

	cursor_u8(&cursor);
	snprintf(code, sizeof(code), "%u", (unsigned)cursor_le16(&cursor));
	if (mysql->exchange)
		mysql->exchange->failed = true;
	exchange_string(mysql->exchange, "db.response.status_code", code);
	exchange_string(mysql->exchange, "error.type", code);
	answer(mysql, ticks);
}

static bool has_result(const struct mysql *mysql)
{
	return mysql->command == COM_QUERY || mysql->command == COM_EXECUTE;
}

/* What an OK, or an EOF of the new kind, says: then the end, or another result. */
static unsigned take_ok(struct mysql *mysql, struct cursor cursor)
{
	uint64_t affected;
	unsigned status;

	cursor_u8(&cursor);
	affected = mysql_number(&cursor);
	mysql_number(&cursor);
	status = cursor_le16(&cursor);
	mysql->no_escapes = (status & STATUS_NO_ESCAPES) != 0;
	if (mysql->phase == PHASE_RESULT && has_result(mysql)) {
		mysql->affected += affected;
		mysql->has_affected = true;
	}
	return status;
}

static unsigned take_eof(struct mysql *mysql, struct cursor cursor)
{
	if (mysql->no_eof)
		return take_ok(mysql, cursor);
	cursor_take(&cursor, 3);
	return cursor_le16(&cursor);
}

static void end_result(struct mysql *mysql, unsigned status, uint64_t ticks)
{
	if (status & STATUS_MORE_RESULTS)
		mysql->phase = PHASE_RESULT;
	else
		answer(mysql, ticks);
}

/* number, columns, parameters: the descriptions of both follow */
static void prepared(struct mysql *mysql, struct cursor cursor, uint64_t ticks)
{
	uint32_t number;
	unsigned columns, parameters;

	cursor_u8(&cursor);
	number = cursor_le32(&cursor);
	columns = cursor_le16(&cursor);
	parameters = cursor_le16(&cursor);
	keep_statement(mysql, number);
	mysql->due =
		columns + parameters + (!mysql->no_eof && columns) + (!mysql->no_eof && parameters);
	mysql->phase = PHASE_SKIP;
	if (!mysql->due)
		answer(mysql, ticks);
}

/* The first packet of a result. */
static bool take_result(struct mysql *mysql, struct cursor cursor, uint8_t head, uint64_t ticks)
{
	if (head == HEAD_ERROR) {
		take_error(mysql, cursor, ticks);
	} else if (mysql->command == COM_STATISTICS) {
		answer(mysql, ticks);
	} else if (head == HEAD_OK && mysql->command == COM_PREPARE) {
		prepared(mysql, cursor, ticks);
	} else if (head == HEAD_OK) {
		end_result(mysql, take_ok(mysql, cursor), ticks);
	} else if (head == HEAD_EOF && mysql->command == COM_SET_OPTION) {
		answer(mysql, ticks);
	} else if (!has_result(mysql)) {
		return false;
	} else if (head == HEAD_FILE) {
		mysql->phase = PHASE_FILE;
	} else {
		mysql->due = mysql_number(&cursor);
		if (!mysql->due || mysql->due > UINT16_MAX)
			return false;
		mysql->has_rows = true;
		/* MariaDB may leave out descriptions that the client has */
		if (cursor_left(&cursor) && !cursor_u8(&cursor))
			mysql->due = 0;
		mysql->due += !mysql->no_eof;
		mysql->phase = mysql->due ? PHASE_COLUMNS : PHASE_ROWS;
	}
	return true;
}

static bool is_eof(const struct mysql *mysql, uint8_t head, size_t size)
{
	return head == HEAD_EOF && (mysql->no_eof ? size < PACKET_MOST : size < 9);
}

static bool take_column(struct mysql *mysql, struct cursor cursor, uint8_t head, uint64_t ticks)
{
	if (--mysql->due)
		return true;
	mysql->phase = PHASE_ROWS;
	if (mysql->no_eof)
		return true;
	if (take_eof(mysql, cursor) & STATUS_CURSOR)
		answer(mysql, ticks);
	return head == HEAD_EOF;
}

static bool back_packet(struct mysql *mysql, const struct half *half, uint64_t size, uint64_t ticks)
{
	struct cursor cursor = body_cursor(&half->body);
	uint8_t head = *cursor.at;

	switch (mysql->phase) {
	case PHASE_GREETING:
		mysql->is_mariadb = memmem(cursor.at, cursor_left(&cursor), "MariaDB", 7) != NULL;
		mysql->phase = PHASE_LOGIN;
		return head == 10;
	case PHASE_LOGIN:
		if (head == HEAD_OK && size) {
			take_ok(mysql, cursor);
			mysql->phase = PHASE_READY;
		}
		return head != HEAD_ERROR;
	case PHASE_RESULT:
		return size && take_result(mysql, cursor, head, ticks);
	case PHASE_COLUMNS:
		return take_column(mysql, cursor, head, ticks);
	case PHASE_SKIP:
		if (!--mysql->due)
			answer(mysql, ticks);
		return true;
	case PHASE_ROWS:
		if (head == HEAD_ERROR)
			take_error(mysql, cursor, ticks);
		else if (is_eof(mysql, head, (size_t)size))
			end_result(mysql, take_eof(mysql, cursor), ticks);
		else
			mysql->rows++;
		return true;
	default:
		return false;
	}
}

/* ---- framing ---- */

static bool is_client(const struct mysql *mysql, enum proto_way way)
{
	return mysql->knows_sides && (way == PROTO_IN) == mysql->is_server;
}

static bool take_head(struct mysql *mysql, struct half *half, enum proto_way way)
{
	uint32_t size = (uint32_t)half->head[0] | (uint32_t)half->head[1] << 8 |
		(uint32_t)half->head[2] << 16;

	bool is_front;

	if (!mysql->knows_sides) {
		/* 0: the server's greeting; within TLS the client speaks first, with 2 */
		mysql->knows_sides = true;
		mysql->is_server = (way == PROTO_OUT) == (half->head[3] == 0);
		mysql->sequence = half->head[3];
	}
	is_front = is_client(mysql, way);
	if (is_front && mysql->phase == PHASE_READY && !half->is_full)
		mysql->sequence = 0;
	if (half->head[3] != mysql->sequence++)
		return false;
	half->continues = half->is_full;
	half->is_full = size == PACKET_MOST;
	half->in_body = true;
	if (half->continues) /* what was kept of its beginning stays */
		half->body.left = size;
	else
		body_open(&half->body, size,
			!is_front			     ? KEPT_REPLY
				: mysql->phase == PHASE_FILE ? (size_t)(size != 0)
							     : KEPT_MOST);
	return true;
}

static bool body_is_over(struct mysql *mysql, enum proto_way way, const struct proto_piece *piece)
{
	struct half *half = &mysql->halves[way];
	uint64_t size = half->continues ? PACKET_MOST : half->body.wanted;
	bool known = true;

	half->in_body = false;
	half->have = 0;
	if (half->is_full)
		return true;
	if (is_client(mysql, way))
		known = front_packet(mysql, way, piece);
	else
		known = back_packet(mysql, half, size, piece->ticks);
	body_trim(&half->body);
	return known;
}

static void count_bytes(
	struct mysql *mysql, enum proto_way way, const struct proto_piece *piece, size_t size)
{
	if (is_client(mysql, way) && mysql->phase == PHASE_READY) {
		if (!mysql->sent)
			mysql->begin = *piece;
		mysql->sent += size;
	} else {
		exchange_moved(mysql->exchange, way, piece, size);
	}
}

static bool feed_all(struct mysql *mysql, enum proto_way way, struct proto_piece rest)
{
	struct half *half = &mysql->halves[way];

	while (rest.size) {
		size_t size = 1;

		if (half->in_body)
			size = rest.size < half->body.left ? rest.size : (size_t)half->body.left;
		count_bytes(mysql, way, &rest, size);
		if (half->in_body)
			body_feed(&half->body, rest.bytes, rest.size);
		else
			half->head[half->have++] = *rest.bytes;
		if (!half->in_body && half->have == 4 && !take_head(mysql, half, way))
			return false;
		if (half->in_body && !half->body.left && !body_is_over(mysql, way, &rest))
			return false;
		proto_piece_skip(&rest, size);
	}
	return true;
}

static enum proto_verdict mysql_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct mysql *mysql = state;

	if (mysql->lost || !feed_all(mysql, way, *piece)) {
		mysql->lost = true;
		return PROTO_NOT_MINE;
	}
	return PROTO_OK;
}

static void mysql_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct mysql *mysql = state;
	struct proto_piece piece = {.ticks = ticks};
	struct half *half = &mysql->halves[way];

	if (!half->in_body || !body_gap(&half->body, size)) {
		mysql->lost = true;
		return;
	}
	count_bytes(mysql, way, &piece, (size_t)size);
	if (!half->body.left && !body_is_over(mysql, way, &piece))
		mysql->lost = true;
}

static void mysql_close(void *state, uint64_t ticks)
{
	struct mysql *mysql = state;

	if (mysql->lost) {
		exchange_drop(mysql->exchange);
	} else if (mysql->exchange) {
		mysql->exchange->failed = true;
		exchange_string(mysql->exchange, "error.type", "connection_closed");
		exchange_end(mysql->exchange, ticks);
	}
	body_free(&mysql->halves[PROTO_OUT].body);
	body_free(&mysql->halves[PROTO_IN].body);
}

const struct protocol protocol_mysql = {
	.name = "mysql",
	.state_size = sizeof(struct mysql),
	.probe = mysql_probe,
	.open = mysql_open,
	.feed = mysql_feed,
	.gap = mysql_gap,
	.close = mysql_close,
};
