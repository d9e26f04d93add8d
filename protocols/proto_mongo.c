/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MongoDB's OP_MSG: replies say which request they answer. Of a command its name, its collection
 * and the numbers of a vector search are facts; documents are only counted.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "protocols/body.h"
#include "protocols/content/bson.h"
#include "protocols/content/bson_said.h"
#include "protocols/protocol.h"
#include "wire/event.h"

#define KEPT_MOST (256u << 10)
#define MESSAGE_MOST (64u << 20)
#define PENDING 256
#define NAME_BYTES 64

enum { OP_REPLY = 1, OP_QUERY = 2004, OP_COMPRESSED = 2012, OP_MSG = 2013 };
enum { FLAG_CHECKSUM = 1, FLAG_MORE = 2 };

struct half {
	uint8_t head[16];
	unsigned have;
	bool in_body;
	struct body body;
	struct proto_piece begin; /* of the message at hand */
	uint64_t size;		  /* so far */
};

struct pending {
	uint32_t request;
	struct exchange *exchange; /* NULL: vacant */
};

struct mongo {
	struct exchange_host *host;
	bool knows_sides, is_server, lost;
	struct half halves[2]; /* by way */
	struct pending pending[PENDING];
};

static uint32_t le32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static bool is_head(const uint8_t *head)
{
	uint32_t size = le32(head), code = le32(head + 12);

	return size >= 21 && size <= MESSAGE_MOST &&
		(code == OP_MSG || code == OP_QUERY || code == OP_COMPRESSED || code == OP_REPLY);
}

/* A request answers nothing. */
static enum proto_verdict mongo_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	(void)way;
	if (size < 4)
		return PROTO_NEED_MORE;
	if (le32(bytes) < 21 || le32(bytes) > MESSAGE_MOST)
		return PROTO_NOT_MINE;
	if (size < 16)
		return PROTO_NEED_MORE;
	return is_head(bytes) && !le32(bytes + 8) && le32(bytes + 12) != OP_REPLY ? PROTO_OK
										  : PROTO_NOT_MINE;
}

static void mongo_open(void *state, struct exchange_host *host)
{
	struct mongo *mongo = state;

	mongo->host = host;
}

/* ---- requests ---- */

/* Letters and digits: a command's or an error's name. */
static bool copy_name(char *to, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = (char)(text[i] | 0x20);

		if (!(c >= 'a' && c <= 'z') && !(text[i] >= '0' && text[i] <= '9'))
			return false;
	}
	if (!size || size >= NAME_BYTES)
		return false;
	memcpy(to, text, size);
	to[size] = '\0';
	return true;
}

static bool takes_collection(const char *name)
{
	static const char *const names[] = {"find", "aggregate", "insert", "update", "delete",
		"count", "distinct", "findAndModify", "findandmodify", "createIndexes",
		"dropIndexes", "listIndexes", "createSearchIndexes", "listSearchIndexes", "create",
		"drop", "getMore", "mapReduce", "collStats"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

/* "$vectorSearch": {index, path, queryVector, limit, filter} */
static void take_vector_search(struct exchange *exchange, struct cursor fields)
{
	struct bson_element field;
	bool has_filter = false;
	int64_t k;

	exchange->class = RT_CLASS_vector_search;
	while (bson_next(&fields, &field)) {
		has_filter = has_filter || bson_is(&field, "filter");
		if (bson_is(&field, "limit") && bson_number(&field, &k))
			exchange_int(exchange, "ragtime.k", k);
	}
	exchange_bool(exchange, "ragtime.filter", has_filter);
}

static void take_pipeline(struct exchange *exchange, struct cursor stages)
{
	struct bson_element stage, operator;

	while (bson_next(&stages, &stage)) {
		struct cursor inside;

		if (stage.type != BSON_DOCUMENT)
			continue;
		inside = bson_inside(&stage);
		if (bson_next(&inside, &operator) &&
			operator.type == BSON_DOCUMENT && bson_is(&operator, "$vectorSearch"))
			take_vector_search(exchange, bson_inside(&operator));
	}
}

static uint64_t count_elements(struct cursor elements, bool *whole)
{
	struct bson_element element;
	uint64_t count = 0;

	while (cursor_left(&elements) > 1 && bson_next(&elements, &element))
		count++;
	*whole = !elements.bad && cursor_left(&elements) == 1;
	return count;
}

static void put_collection(
	struct exchange *exchange, const char *name, const struct bson_element *element)
{
	int size = (int)(element->size < NAME_BYTES ? element->size : NAME_BYTES);

	exchange_text(exchange, "db.collection.name", (const char *)element->value, (size_t)size);
	exchange_name(exchange, "%s %.*s", name, size, (const char *)element->value);
}

/* What is said then is a credential, or proves that there is one. */
static bool logs_in(const char *name)
{
	static const char *const commands[] = {
		"saslStart", "saslContinue", "authenticate", "createUser", "updateUser"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!strcasecmp(name, commands[i]))
			return true;
	}
	return false;
}

/* The first element names the command; its value is the collection for those that have one. */
static void take_command(struct exchange *exchange, struct cursor elements)
{
	const struct cursor all = elements;
	struct bson_element element;
	char name[NAME_BYTES];

	if (!bson_next(&elements, &element) || !copy_name(name, element.name, element.name_size))
		return;
	exchange_string(exchange, "db.operation.name", name);
	exchange_name(exchange, "%s", name);
	if (!logs_in(name))
		bson_say(exchange, SAID_REQUEST, all);
	if (element.type == BSON_STRING && takes_collection(name))
		put_collection(exchange, name, &element);
	while (bson_next(&elements, &element)) {
		if (element.type == BSON_STRING && bson_is(&element, "$db"))
			exchange_text(exchange, "db.namespace", (const char *)element.value,
				element.size < NAME_BYTES ? element.size : NAME_BYTES);
		else if (element.type == BSON_STRING && bson_is(&element, "collection"))
			put_collection(exchange, name, &element);
		else if (element.type == BSON_ARRAY && bson_is(&element, "pipeline"))
			take_pipeline(exchange, bson_inside(&element));
	}
}

/* Documents of an insert and the like, beside the command. */
static void take_sequence(struct exchange *exchange, struct cursor *cursor)
{
	uint32_t whole = cursor_le32(cursor);
	size_t size = whole > 4 ? whole - 4 : 0;
	struct cursor documents =
		cursor_over(cursor->at, size < cursor_left(cursor) ? size : cursor_left(cursor));
	size_t name = strnlen((const char *)documents.at, cursor_left(&documents));
	int64_t count = 0;

	cursor_take(cursor, size);
	cursor_take(&documents, name + 1);
	while (cursor_left(&documents)) {
		struct cursor elements = bson_open(&documents);

		count += !documents.bad;
		exchange_say(exchange, SAID_REQUEST, " ", 1);
		bson_say(exchange, SAID_REQUEST, elements);
	}
	if (count > 1)
		exchange_int(exchange, "db.operation.batch.size", count);
}

static void take_request(struct exchange *exchange, struct cursor cursor, uint32_t flags)
{
	if (flags & FLAG_CHECKSUM && cursor_left(&cursor) >= 4)
		cursor.end -= 4;
	while (cursor_left(&cursor)) {
		uint8_t kind = cursor_u8(&cursor);

		if (kind == 0)
			take_command(exchange, bson_open(&cursor));
		else if (kind == 1)
			take_sequence(exchange, &cursor);
		else
			break;
	}
}

/* ---- replies ---- */

static void take_cursor(struct exchange *exchange, struct cursor elements)
{
	struct bson_element element;
	bool whole;

	while (bson_next(&elements, &element)) {
		uint64_t count;

		if (element.type != BSON_ARRAY ||
			!(bson_is(&element, "firstBatch") || bson_is(&element, "nextBatch")))
			continue;
		count = count_elements(bson_inside(&element), &whole);
		if (whole)
			exchange_int(exchange, "db.response.returned_rows", (int64_t)count);
	}
}

static void take_reply(struct exchange *exchange, struct cursor elements)
{
	struct bson_element element;
	char name[NAME_BYTES];
	int64_t number;

	if (exchange->said)
		bson_say(exchange, SAID_ANSWER, elements);
	while (bson_next(&elements, &element)) {
		if (bson_is(&element, "cursor") && element.type == BSON_DOCUMENT) {
			take_cursor(exchange, bson_inside(&element));
		} else if (bson_is(&element, "writeErrors")) {
			exchange->failed = true;
			exchange_string(exchange, "error.type", "WriteError");
		} else if (bson_is(&element, "codeName") && element.type == BSON_STRING) {
			if (copy_name(name, (const char *)element.value, element.size))
				exchange_string(exchange, "error.type", name);
		} else if (!bson_number(&element, &number)) {
			continue;
		} else if (bson_is(&element, "ok")) {
			exchange->failed = exchange->failed || !number;
		} else if (bson_is(&element, "n")) {
			exchange_int(exchange, "ragtime.affected_rows", number);
		} else if (bson_is(&element, "code")) {
			snprintf(name, sizeof(name), "%lld", (long long)number);
			exchange_string(exchange, "db.response.status_code", name);
		}
	}
}

/* ---- messages ---- */

static struct pending *find_pending(struct mongo *mongo, uint32_t request)
{
	for (unsigned i = 0; i < PENDING; i++) {
		if (mongo->pending[i].exchange && mongo->pending[i].request == request)
			return &mongo->pending[i];
	}
	return NULL;
}

static void begin_request(struct mongo *mongo, const struct half *half, enum proto_way way,
	const struct proto_piece *piece)
{
	struct exchange *exchange = exchange_begin(mongo->host, "mongodb", way, &half->begin);
	struct cursor cursor = body_cursor(&half->body);
	uint32_t flags = 0;

	if (!exchange)
		return;
	exchange->class = RT_CLASS_database_query;
	exchange_string(exchange, "db.system.name", "mongodb");
	exchange_name(exchange, "mongodb");
	exchange_moved(exchange, way, piece, (size_t)half->size);
	if (le32(half->head + 12) == OP_MSG) {
		flags = cursor_le32(&cursor);
		take_request(exchange, cursor, flags);
	}
	if (flags & FLAG_MORE) { /* no answer is asked for */
		exchange_end(exchange, piece->ticks);
		return;
	}
	for (unsigned i = 0; i < PENDING; i++) {
		if (!mongo->pending[i].exchange) {
			mongo->pending[i] = (struct pending){le32(half->head + 4), exchange};
			return;
		}
	}
	exchange_drop(exchange);
}

static void end_request(struct mongo *mongo, const struct half *half, enum proto_way way,
	const struct proto_piece *piece)
{
	struct pending *pending = find_pending(mongo, le32(half->head + 8));
	struct cursor cursor = body_cursor(&half->body);

	if (!pending)
		return;
	exchange_moved(pending->exchange, way, &half->begin, (size_t)half->size);
	if (le32(half->head + 12) == OP_MSG) {
		cursor_le32(&cursor);
		if (cursor_u8(&cursor) == 0)
			take_reply(pending->exchange, bson_open(&cursor));
	}
	exchange_end(pending->exchange, piece->ticks);
	pending->exchange = NULL;
}

static void body_is_over(struct mongo *mongo, enum proto_way way, const struct proto_piece *piece)
{
	struct half *half = &mongo->halves[way];

	half->in_body = false;
	half->have = 0;
	if ((way == PROTO_IN) == mongo->is_server)
		begin_request(mongo, half, way, piece);
	else
		end_request(mongo, half, way, piece);
	body_trim(&half->body);
	half->size = 0;
}

static bool feed_all(struct mongo *mongo, enum proto_way way, struct proto_piece rest)
{
	struct half *half = &mongo->halves[way];

	while (rest.size) {
		size_t size = 1;

		if (!half->size)
			half->begin = rest;
		if (half->in_body)
			size = body_feed(&half->body, rest.bytes, rest.size);
		else
			half->head[half->have++] = *rest.bytes;
		half->size += size;
		if (!half->in_body && half->have == sizeof(half->head)) {
			if (!is_head(half->head))
				return false;
			body_open(&half->body, le32(half->head) - sizeof(half->head), KEPT_MOST);
			half->in_body = true;
		} else if (half->in_body && !half->body.left) {
			body_is_over(mongo, way, &rest);
		}
		proto_piece_skip(&rest, size);
	}
	return true;
}

static enum proto_verdict mongo_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct mongo *mongo = state;

	if (!mongo->knows_sides) {
		mongo->is_server = way == PROTO_IN;
		mongo->knows_sides = true;
	}
	if (mongo->lost || !feed_all(mongo, way, *piece)) {
		mongo->lost = true;
		return PROTO_NOT_MINE;
	}
	return PROTO_OK;
}

static void mongo_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct mongo *mongo = state;
	struct half *half = &mongo->halves[way];
	struct proto_piece piece = {.ticks = ticks};

	if (!half->in_body || !body_gap(&half->body, size)) {
		mongo->lost = true;
		return;
	}
	half->size += size;
	if (!half->body.left)
		body_is_over(mongo, way, &piece);
}

static void mongo_close(void *state, uint64_t ticks)
{
	struct mongo *mongo = state;

	for (unsigned i = 0; i < PENDING; i++) {
		struct exchange *exchange = mongo->pending[i].exchange;

		if (mongo->lost || !exchange) {
			exchange_drop(exchange);
			continue;
		}
		exchange->failed = true;
		exchange_string(exchange, "error.type", "connection_closed");
		exchange_end(exchange, ticks);
	}
	body_free(&mongo->halves[PROTO_OUT].body);
	body_free(&mongo->halves[PROTO_IN].body);
}

const struct protocol protocol_mongo = {
	.name = "mongodb",
	.state_size = sizeof(struct mongo),
	.probe = mongo_probe,
	.open = mongo_open,
	.feed = mongo_feed,
	.gap = mongo_gap,
	.close = mongo_close,
};
