/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis, RESP2 and RESP3: pipelines, pub/sub, RediSearch. A reply answers the oldest command that
 * has none; what the server pushes by itself answers nothing.
 *
 * Of arguments only the command's name, the shape of its first key and the numbers of a vector
 * search are facts.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocols/protocol.h"
#include "wire/event.h"

#define PIPELINE 256
#define LINE_BYTES 256
#define NAME_BYTES 32
#define ARGUMENT_BYTES 160
#define DEPTH 16

/* One direction's reader: a value is a line, or a line and as many bytes, or a line and values. */
struct reader {
	char line[LINE_BYTES];
	uint16_t line_size;
	bool in_bulk;
	uint64_t bulk_left; /* with its line end */
	uint64_t bulk_size;
	uint32_t kept; /* of a bulk, in text[] */
	char text[ARGUMENT_BYTES];
	unsigned depth;
	uint64_t left[DEPTH]; /* values still due in each open array */
	bool lost;
	/* of the whole value */
	char type;	/* its first byte */
	uint64_t index; /* of the element at hand in the outermost array */
	bool begun;
	bool is_null;
	int64_t number; /* of a one-line value */
};

struct redis {
	struct exchange_host *host;
	bool knows_sides, is_server;
	struct reader commands, replies;
	struct exchange *waiting[PIPELINE];
	unsigned first, count;
	struct exchange *making;
	char name[NAME_BYTES]; /* of the command being read */
	bool subscribed;
};

static bool starts_command(const uint8_t *bytes, size_t size)
{
	return size >= 2 && bytes[0] == '*' && bytes[1] >= '1' && bytes[1] <= '9';
}

/* "*3\r\n$3\r\nSET..." in the direction that speaks first. */
static enum proto_verdict redis_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	size_t at = 1;

	(void)way;
	if (bytes[0] != '*')
		return PROTO_NOT_MINE;
	while (at < size && bytes[at] >= '0' && bytes[at] <= '9')
		at++;
	if (at > 7)
		return PROTO_NOT_MINE;
	if (at + 3 > size)
		return PROTO_NEED_MORE;
	return at > 1 && !memcmp(bytes + at, "\r\n$", 3) ? PROTO_OK : PROTO_NOT_MINE;
}

static void redis_open(void *state, struct exchange_host *host)
{
	struct redis *redis = state;

	redis->host = host;
}

/* ---- commands ---- */

static const struct command {
	const char *name;
	const char *operation;
	uint32_t class;
} classes[] = {
	{"GET", NULL, RT_CLASS_cache_lookup},
	{"MGET", NULL, RT_CLASS_cache_lookup},
	{"HGET", NULL, RT_CLASS_cache_lookup},
	{"HMGET", NULL, RT_CLASS_cache_lookup},
	{"HGETALL", NULL, RT_CLASS_cache_lookup},
	{"GETEX", NULL, RT_CLASS_cache_lookup},
	{"JSON.GET", NULL, RT_CLASS_cache_lookup},
	{"EXISTS", NULL, RT_CLASS_cache_lookup},
	{"FT.SEARCH", NULL, RT_CLASS_vector_search},
	{"FT.AGGREGATE", NULL, RT_CLASS_vector_search},
	{"VSIM", NULL, RT_CLASS_vector_search},
};

static uint32_t class_of(const char *name)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (!strcmp(name, classes[i].name))
			return classes[i].class;
	}
	return RT_CLASS_database_query;
}

/* "user:1234:name" is told as "user:*:name": words stay, what may be data does not. */
static void put_key_pattern(struct exchange *exchange, const char *key, size_t size)
{
	char pattern[ARGUMENT_BYTES];
	size_t used = 0;

	for (size_t at = 0; at < size && used < sizeof(pattern) - 2;) {
		size_t end = at;
		bool is_word = true;

		while (end < size && key[end] != ':' && key[end] != '/') {
			char c = (char)(key[end++] | 0x20);

			is_word = is_word && ((c >= 'a' && c <= 'z') || c == '_' || c == '-');
		}
		if (is_word && end - at <= 24 && used + end - at < sizeof(pattern) - 2) {
			memcpy(pattern + used, key + at, end - at);
			used += end - at;
		} else {
			pattern[used++] = '*';
		}
		if (end < size)
			pattern[used++] = key[end++];
		at = end;
	}
	exchange_text(exchange, "ragtime.key_pattern", pattern, used);
}

static bool takes_key(const char *name)
{
	static const char *const without[] = {"PING", "AUTH", "HELLO", "CLIENT", "SELECT", "INFO",
		"CONFIG", "COMMAND", "ECHO", "MULTI", "EXEC", "DISCARD", "QUIT", "EVAL", "EVALSHA",
		"SCRIPT", "FT.SEARCH", "FT.AGGREGATE", "FT.CREATE", "FT.INFO", "PUBLISH",
		"SUBSCRIBE", "PSUBSCRIBE", "DBSIZE", "KEYS", "SCAN", "ACL", "WAIT", "CLUSTER",
		"MODULE"};

	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++) {
		if (!strcmp(name, without[i]))
			return false;
	}
	return true;
}

/* "*=>[KNN 5 @vector $v]" */
static void put_knn(struct exchange *exchange, const char *text, size_t size)
{
	const char *found = memmem(text, size, "KNN ", 4);
	int64_t k = 0;

	if (!found)
		return;
	for (const char *at = found + 4;
		at < text + size && *at >= '0' && *at <= '9' && k < 1000000; at++)
		k = k * 10 + (*at - '0');
	if (k)
		exchange_int(exchange, "ragtime.k", k);
}

static bool is_search(const char *name)
{
	return !strcmp(name, "FT.SEARCH") || !strcmp(name, "FT.AGGREGATE");
}

static void take_name(struct redis *redis, const struct reader *reader)
{
	size_t size = reader->kept < NAME_BYTES - 1 ? reader->kept : NAME_BYTES - 1;

	for (size_t i = 0; i < size; i++) {
		char c = reader->text[i];

		redis->name[i] = c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
	}
	redis->name[size] = '\0';
	exchange_string(redis->making, "db.operation.name", redis->name);
	exchange_name(redis->making, "%s", redis->name);
	if (redis->making)
		redis->making->class = class_of(redis->name);
}

static void take_argument(struct redis *redis, const struct reader *reader)
{
	if (reader->index == 0) {
		take_name(redis, reader);
	} else if (reader->index == 1 && is_search(redis->name)) {
		exchange_text(redis->making, "db.collection.name", reader->text, reader->kept);
		exchange_name(
			redis->making, "%s %.*s", redis->name, (int)reader->kept, reader->text);
	} else if (reader->index == 2 && is_search(redis->name)) {
		put_knn(redis->making, reader->text, reader->kept);
	} else if (reader->index == 1 && takes_key(redis->name)) {
		put_key_pattern(redis->making, reader->text, reader->kept);
	}
}

static void command_is_over(struct redis *redis, uint64_t ticks)
{
	unsigned place = (redis->first + redis->count) % PIPELINE;

	if (!redis->making)
		return;
	if (!strcmp(redis->name, "SUBSCRIBE") || !strcmp(redis->name, "PSUBSCRIBE") ||
		!strcmp(redis->name, "MONITOR"))
		redis->subscribed = true;
	if (redis->count == PIPELINE) {
		exchange_end(redis->waiting[redis->first], ticks);
		redis->first = (redis->first + 1) % PIPELINE;
		redis->count--;
	}
	redis->waiting[place] = redis->making;
	redis->count++;
	redis->making = NULL;
}

/* ---- replies ---- */

static void put_hit(struct exchange *exchange, const struct reader *reply)
{
	bool miss = reply->is_null || (reply->type == ':' && !reply->number) ||
		((reply->type == '*' || reply->type == '%') && !reply->number);

	if (exchange && exchange->class == RT_CLASS_cache_lookup && reply->type != '-')
		exchange_string(exchange, "ragtime.cache", miss ? "miss" : "hit");
}

static void reply_is_over(struct redis *redis, const struct reader *reply, uint64_t ticks)
{
	struct exchange *exchange;

	if (!redis->count || reply->type == '>' || (redis->subscribed && reply->type == '*'))
		return;
	exchange = redis->waiting[redis->first];
	redis->first = (redis->first + 1) % PIPELINE;
	redis->count--;
	put_hit(exchange, reply);
	if (reply->type == '-' || reply->type == '!') {
		size_t size = 0;

		/* the error's code is its first word; the rest may hold data */
		while (size < reply->kept && reply->text[size] != ' ')
			size++;
		exchange->failed = true;
		exchange_text(exchange, "error.type", reply->text, size);
	}
	if (exchange->class == RT_CLASS_vector_search && reply->type == '*' && reply->number)
		exchange_int(exchange, "db.response.returned_rows", (reply->number - 1) / 2);
	exchange_end(exchange, ticks);
}

/* ---- values ---- */

static bool parse_number(const char *text, size_t size, int64_t *number)
{
	bool negative = size && *text == '-';
	size_t at = negative;

	*number = 0;
	for (; at < size; at++) {
		if (text[at] < '0' || text[at] > '9' || *number > INT64_MAX / 16)
			return false;
		*number = *number * 10 + (text[at] - '0');
	}
	*number = negative ? -*number : *number;
	return size > negative;
}

/* A value inside is complete; true when that completes the outermost one. */
static bool value_is_over(struct reader *reader)
{
	while (reader->depth) {
		uint64_t *left = &reader->left[reader->depth - 1];

		if (reader->depth == 1)
			reader->index++;
		if (--*left)
			return false;
		reader->depth--;
	}
	reader->begun = false;
	return true;
}

enum step { STEP_MORE, STEP_ELEMENT, STEP_VALUE, STEP_LOST };

static enum step open_array(struct reader *reader, int64_t count)
{
	if (count <= 0)
		return STEP_VALUE;
	if (reader->depth == DEPTH)
		return STEP_LOST;
	reader->left[reader->depth++] = (uint64_t)count;
	return STEP_MORE;
}

static enum step take_line(struct reader *reader)
{
	char type = reader->line[0];
	const char *rest = reader->line + 1;
	size_t size = reader->line_size ? reader->line_size - 1u : 0;
	int64_t number = 0;
	bool is_number = parse_number(rest, size, &number);

	if (!reader->begun) {
		reader->begun = true;
		reader->type = type;
		reader->index = 0;
		reader->is_null = type == '_' || ((type == '$' || type == '*') && number < 0);
		reader->number = number;
	}
	reader->kept = 0;
	switch (type) {
	case '*':
	case '~':
	case '>':
		return is_number ? open_array(reader, number) : STEP_LOST;
	case '%':
	case '|':
		return is_number && number < INT32_MAX ? open_array(reader, number * 2) : STEP_LOST;
	case '$':
	case '=':
	case '!':
		if (!is_number)
			return STEP_LOST;
		if (number < 0)
			return STEP_VALUE;
		reader->in_bulk = true;
		reader->bulk_size = (uint64_t)number;
		reader->bulk_left = (uint64_t)number + 2;
		return STEP_MORE;
	case '+':
	case '-':
	case ':':
	case ',':
	case '#':
	case '(':
	case '_':
		reader->kept = (uint32_t)(size < ARGUMENT_BYTES ? size : ARGUMENT_BYTES);
		memcpy(reader->text, rest, reader->kept);
		return STEP_VALUE;
	default:
		return STEP_LOST;
	}
}

static enum step read_step(struct reader *reader, const uint8_t **at, const uint8_t *end)
{
	size_t left = (size_t)(end - *at);

	if (reader->in_bulk) {
		size_t run = left < reader->bulk_left ? left : (size_t)reader->bulk_left;
		uint64_t seen = reader->bulk_size + 2 - reader->bulk_left;

		for (size_t i = 0;
			i < run && seen + i < reader->bulk_size && reader->kept < ARGUMENT_BYTES;
			i++)
			reader->text[reader->kept++] = (char)(*at)[i];
		*at += run;
		reader->bulk_left -= run;
		if (reader->bulk_left)
			return STEP_MORE;
		reader->in_bulk = false;
		return STEP_VALUE;
	}
	while (*at < end) {
		char byte = (char)*(*at)++;

		if (byte == '\n') {
			enum step step;

			if (reader->line_size && reader->line[reader->line_size - 1] == '\r')
				reader->line_size--;
			step = reader->line_size ? take_line(reader) : STEP_LOST;
			reader->line_size = 0;
			return step;
		}
		if (reader->line_size < LINE_BYTES)
			reader->line[reader->line_size++] = byte;
	}
	return STEP_MORE;
}

static void begin_command(struct redis *redis, enum proto_way way, const struct proto_piece *piece)
{
	redis->making = exchange_begin(redis->host, "redis", way, piece);
	redis->name[0] = '\0';
	exchange_string(redis->making, "db.system.name", "redis");
	if (redis->making)
		redis->making->class = RT_CLASS_database_query;
}

static struct exchange *under_way(const struct redis *redis, bool is_command)
{
	if (is_command)
		return redis->making;
	return redis->count ? redis->waiting[redis->first] : NULL;
}

static enum proto_verdict redis_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct redis *redis = state;
	const uint8_t *at = piece->bytes, *end = at + piece->size;
	bool is_command;
	struct reader *reader;

	if (!redis->knows_sides) {
		redis->is_server = (way == PROTO_IN) == starts_command(piece->bytes, piece->size);
		redis->knows_sides = true;
	}
	is_command = (way == PROTO_IN) == redis->is_server;
	reader = is_command ? &redis->commands : &redis->replies;
	if (reader->lost)
		return PROTO_NOT_MINE;
	while (at < end) {
		const uint8_t *before = at;
		enum step step;

		if (is_command && !reader->begun && !redis->making)
			begin_command(redis, way, piece);
		step = read_step(reader, &at, end);
		exchange_moved(under_way(redis, is_command), way, piece, (size_t)(at - before));
		if (step == STEP_LOST)
			return PROTO_NOT_MINE;
		if (step != STEP_VALUE)
			continue;
		if (is_command && reader->depth)
			take_argument(redis, reader);
		if (!value_is_over(reader))
			continue;
		if (is_command)
			command_is_over(redis, piece->ticks);
		else
			reply_is_over(redis, reader, piece->ticks);
	}
	return PROTO_OK;
}

static void redis_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct redis *redis = state;
	bool is_command = (way == PROTO_IN) == redis->is_server;
	struct reader *reader = is_command ? &redis->commands : &redis->replies;

	(void)ticks;
	if (reader->in_bulk && size < reader->bulk_left) {
		reader->bulk_left -= size;
		return;
	}
	/* Where the next value begins cannot be known: the replies could go to the wrong commands.
	 */
	reader->line_size = 0;
	reader->in_bulk = false;
	reader->lost = true;
}

static void redis_close(void *state, uint64_t ticks)
{
	struct redis *redis = state;

	for (; redis->count; redis->count--) {
		struct exchange *exchange = redis->waiting[redis->first];

		redis->first = (redis->first + 1) % PIPELINE;
		exchange->failed = true;
		exchange_string(exchange, "error.type", "connection_closed");
		exchange_end(exchange, ticks);
	}
	exchange_drop(redis->making);
	redis->making = NULL;
}

const struct protocol protocol_redis = {
	.name = "redis",
	.state_size = sizeof(struct redis),
	.probe = redis_probe,
	.open = redis_open,
	.feed = redis_feed,
	.gap = redis_gap,
	.close = redis_close,
};
