/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis, RESP2 and RESP3: pipelines, pub/sub, RediSearch and vector sets. A reply answers the
 * oldest command that has none; what the server pushes by itself answers nothing. As soon as that
 * order is in doubt the connection is given up.
 *
 * Of arguments only the command's name, the first word of its key and the numbers of a vector
 * search are facts.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocols/content/key.h"
#include "protocols/protocol.h"
#include "protocols/resp.h"
#include "wire/event.h"

#define PIPELINE 256
#define NAME_BYTES 32
#define INDEX_BYTES 64

struct waiting {
	struct exchange *exchange;
	uint64_t more; /* commands told with it: a pipeline longer than PIPELINE */
	uint64_t over; /* of all these */
};

struct redis {
	struct exchange_host *host;
	bool knows_sides, is_server;
	bool lost;	 /* which reply is whose */
	bool subscribed; /* RESP2: arrays may be pushes */
	struct resp_reader commands, replies;
	struct waiting waiting[PIPELINE];
	unsigned first, count;
	/* the command being read */
	struct exchange *making;
	char name[NAME_BYTES];
	char wanted[NAME_BYTES]; /* the argument whose next one is k; "" : none */
	bool is_wanted;
};

/* "*3\r\n$3\r\nSET\r\n..." in the direction that speaks first. */
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
		return at == size || bytes[at] == '\r' ? PROTO_NEED_MORE : PROTO_NOT_MINE;
	return at > 1 && !memcmp(bytes + at, "\r\n$", 3) ? PROTO_OK : PROTO_NOT_MINE;
}

static void redis_open(void *state, struct exchange_host *host)
{
	struct redis *redis = state;

	redis->host = host;
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof(*(names)))

/* ---- commands ---- */

static uint32_t class_of(const char *name)
{
	static const char *const lookups[] = {"GET", "MGET", "HGET", "HMGET", "HGETALL", "GETEX",
		"GETDEL", "JSON.GET", "JSON.MGET", "EXISTS", "HEXISTS"};
	static const char *const searches[] = {"FT.SEARCH", "FT.AGGREGATE", "VSIM"};

	if (IS_ONE_OF(name, lookups))
		return RT_CLASS_cache_lookup;
	return IS_ONE_OF(name, searches) ? RT_CLASS_vector_search : RT_CLASS_database_query;
}

static bool takes_key(const char *name)
{
	static const char *const without[] = {"PING", "AUTH", "HELLO", "CLIENT", "SELECT", "INFO",
		"CONFIG", "COMMAND", "ECHO", "MULTI", "EXEC", "DISCARD", "QUIT", "EVAL", "EVALSHA",
		"EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO", "FUNCTION", "SCRIPT", "FT.SEARCH",
		"FT.AGGREGATE", "FT.CREATE", "FT.INFO", "PUBLISH", "SPUBLISH", "SUBSCRIBE",
		"PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "DBSIZE",
		"KEYS", "SCAN", "ACL", "WAIT", "CLUSTER", "MODULE", "SWAPDB", "MIGRATE",
		"REPLICAOF", "SLAVEOF", "SENTINEL", "DEBUG", "SHUTDOWN", "LATENCY", "SLOWLOG",
		"MEMORY", "OBJECT", "XREAD", "XREADGROUP", "XGROUP", "XINFO"};

	return !IS_ONE_OF(name, without);
}

static void put_k(struct exchange *exchange, const char *text, size_t size)
{
	int64_t k = 0;

	for (size_t at = 0; at < size && text[at] >= '0' && text[at] <= '9' && k < 1000000; at++)
		k = k * 10 + (text[at] - '0');
	if (k)
		exchange_int(exchange, "ragtime.k", k);
}

/* "*=>[KNN 5 @vector $v]"; or "KNN $K", and K with its number are two of the arguments. */
static void take_query(struct redis *redis, const char *text, size_t size)
{
	const char *end = text + size;
	const char *found = memmem(text, size, "KNN ", 4);
	const char *arrow = memmem(text, size, "=>", 2);
	size_t used = 0;

	if (arrow)
		exchange_bool(redis->making, "ragtime.filter", arrow - text > 1 || *text != '*');
	if (!found)
		return;
	found += 4;
	if (found == end || *found != '$') {
		put_k(redis->making, found, (size_t)(end - found));
		return;
	}
	while (++found < end && *found != ' ' && used < NAME_BYTES - 1)
		redis->wanted[used++] = *found;
	redis->wanted[used] = '\0';
}

static bool is_search(const char *name)
{
	return !strcmp(name, "FT.SEARCH") || !strcmp(name, "FT.AGGREGATE");
}

/* Letters, dots and lines make a command's name; all else is none and may be data. */
static void take_name(struct redis *redis, const struct resp_reader *reader)
{
	size_t size = 0;

	for (; size < reader->kept && size < NAME_BYTES - 1; size++) {
		char c = reader->text[size];

		c = c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
		if (!(c >= 'A' && c <= 'Z') && c != '.' && c != '_')
			break;
		redis->name[size] = c;
	}
	if (!size || size < reader->kept)
		strcpy(redis->name, "?");
	else
		redis->name[size] = '\0';
	if (!strcmp(redis->name, "VSIM"))
		strcpy(redis->wanted, "COUNT");
	exchange_string(redis->making, "db.operation.name", redis->name);
	exchange_name(redis->making, "%s", redis->name);
	if (redis->making)
		redis->making->class = class_of(redis->name);
}

/* Commands after which replies no longer answer one command each. */
static bool ends_order(const struct redis *redis, const struct resp_reader *reader)
{
	static const char *const streams[] = {"MONITOR", "SYNC", "PSYNC"};

	if (reader->index == 0)
		return IS_ONE_OF(redis->name, streams);
	return reader->index == 1 && !strcmp(redis->name, "CLIENT") && reader->kept == 5 &&
		!strncasecmp(reader->text, "REPLY", 5);
}

/* As much of a text as was kept. */
static void say_text(
	struct exchange *exchange, enum said_part part, const struct resp_reader *reader)
{
	exchange_say_value(exchange, part, reader->text, reader->kept);
	if (reader->kept == RESP_TEXT)
		exchange_say(exchange, part, "...", 3);
}

/* The command's words, where content is wanted; those that log in are left out. */
static void say_argument(struct redis *redis, const struct resp_reader *reader)
{
	static const char *const secret[] = {
		"AUTH", "HELLO", "ACL", "CONFIG", "MIGRATE", "SENTINEL", "?"};

	if (!redis->host->keeps_content)
		return;
	if (reader->index == 0) {
		exchange_say(redis->making, SAID_STATEMENT, redis->name, strlen(redis->name));
	} else if (!IS_ONE_OF(redis->name, secret)) {
		exchange_say(redis->making, SAID_STATEMENT, " ", 1);
		say_text(redis->making, SAID_STATEMENT, reader);
	}
}

/* What a push says is nobody's answer. */
static void say_reply(struct redis *redis, const struct resp_reader *reader)
{
	struct exchange *exchange = redis->count ? redis->waiting[redis->first].exchange : NULL;

	if (!exchange || !redis->host->keeps_content || reader->type == '>' || reader->type == '|')
		return;
	if (exchange->said && exchange->said->parts[SAID_ANSWER].size)
		exchange_say(exchange, SAID_ANSWER, " ", 1);
	if (reader->text_is_null)
		exchange_say_value(exchange, SAID_ANSWER, NULL, 0);
	else
		say_text(exchange, SAID_ANSWER, reader);
}

static void take_argument(struct redis *redis, const struct resp_reader *reader)
{
	bool is_k = redis->is_wanted;

	redis->is_wanted = *redis->wanted && reader->kept == strlen(redis->wanted) &&
		!strncasecmp(reader->text, redis->wanted, reader->kept);
	if (reader->index == 0) {
		take_name(redis, reader);
	} else if (is_k) {
		put_k(redis->making, reader->text, reader->kept);
	} else if (reader->index == 1 && is_search(redis->name)) {
		int size = (int)(reader->kept < INDEX_BYTES ? reader->kept : INDEX_BYTES);

		exchange_text(redis->making, "db.collection.name", reader->text, (size_t)size);
		exchange_name(redis->making, "%s %.*s", redis->name, size, reader->text);
	} else if (reader->index == 2 && is_search(redis->name)) {
		take_query(redis, reader->text, reader->kept);
	} else if (reader->index == 1 && takes_key(redis->name)) {
		key_pattern_put(redis->making, reader->text, reader->kept);
	}
	say_argument(redis, reader);
	redis->lost = redis->lost || ends_order(redis, reader);
}

/* Of a longer pipeline the last exchange stands for all that found no place. */
static void join_newest(struct redis *redis)
{
	struct waiting *last = &redis->waiting[(redis->first + redis->count - 1) % PIPELINE];
	struct exchange *exchange = last->exchange;

	last->more++;
	exchange->bytes_out += redis->making->bytes_out;
	exchange->bytes_in += redis->making->bytes_in;
	exchange->request_end = redis->making->request_end;
	if (strcmp(exchange->name, redis->name) != 0 && strcmp(exchange->name, "PIPELINE") != 0) {
		exchange->class = RT_CLASS_database_query;
		exchange_name(exchange, "PIPELINE");
		exchange_string(exchange, "db.operation.name", "PIPELINE");
	}
	exchange_drop(redis->making);
}

static void command_is_over(struct redis *redis, const struct resp_reader *reader)
{
	if (!redis->making || reader->type != '*') {
		redis->lost = true;
		return;
	}
	if (reader->index == 0)
		exchange_drop(redis->making); /* an empty command has no answer */
	else if (redis->count == PIPELINE)
		join_newest(redis);
	else
		redis->waiting[(redis->first + redis->count++) % PIPELINE] =
			(struct waiting){.exchange = redis->making};
	redis->making = NULL;
}

/* ---- replies ---- */

static void put_hit(struct exchange *exchange, const struct resp_reader *reply)
{
	bool is_many = reply->type == '*' || reply->type == '%' || reply->type == '~';
	bool miss = reply->is_null || (reply->type == ':' && !reply->number) ||
		(is_many && reply->found < reply->index) || (is_many && !reply->index);

	/* "+QUEUED" in a transaction says nothing yet */
	if (exchange->class != RT_CLASS_cache_lookup || strchr("-!+", reply->type))
		return;
	exchange_string(exchange, "ragtime.cache", miss ? "miss" : "hit");
	if (reply->type == '*' && reply->index > 1 && strstr(exchange->name, "MGET")) {
		exchange_int(exchange, "ragtime.cache_hits", (int64_t)reply->found);
		exchange_int(
			exchange, "ragtime.cache_misses", (int64_t)(reply->index - reply->found));
	}
}

/* The error's code is its first word; the rest, or a code of a script's own, may be data. */
static void put_error(struct exchange *exchange, const struct resp_reader *reply)
{
	size_t size = 0;

	while (size < reply->kept && reply->text[size] >= 'A' && reply->text[size] <= 'Z')
		size++;
	exchange->failed = true;
	if (size && size <= 16 && (size == reply->kept || reply->text[size] == ' '))
		exchange_text(exchange, "error.type", reply->text, size);
	else
		exchange_string(exchange, "error.type", "ERR");
}

static void put_results(struct exchange *exchange, const struct resp_reader *reply)
{
	if (exchange->class != RT_CLASS_vector_search || reply->type != '*')
		return;
	if (!strcmp(exchange->name, "VSIM"))
		exchange_int(exchange, "db.response.returned_rows", (int64_t)reply->index);
	else if (reply->has_total)
		exchange_int(exchange, "db.response.returned_rows", reply->total);
}

/* A push, or a confirmation for a command that is not the oldest: nobody's answer. */
static bool is_push(struct redis *redis, const struct resp_reader *reply)
{
	static const char *const confirmations[] = {"subscribe", "psubscribe", "ssubscribe",
		"unsubscribe", "punsubscribe", "sunsubscribe"};
	static const char *const messages[] = {"message", "pmessage", "smessage"};
	const struct waiting *waiting = redis->count ? &redis->waiting[redis->first] : NULL;
	bool asked = waiting && !strcasecmp(waiting->exchange->name, reply->word);

	if (reply->type != '>' && reply->type != '*')
		return false;
	if (IS_ONE_OF(reply->word, confirmations) &&
		(reply->type == '>' || asked || redis->subscribed)) {
		if (reply->type == '*')
			redis->subscribed = reply->number != 0;
		return !asked;
	}
	return reply->type == '>' || (redis->subscribed && IS_ONE_OF(reply->word, messages));
}

static void reply_is_over(struct redis *redis, const struct resp_reader *reply, uint64_t ticks)
{
	struct waiting *waiting = &redis->waiting[redis->first];
	struct exchange *exchange;

	if (reply->type == '|' || is_push(redis, reply))
		return;
	if (!redis->count) {
		redis->lost = true;
		return;
	}
	exchange = waiting->exchange;
	if (reply->type == '-' || reply->type == '!')
		put_error(exchange, reply);
	if (waiting->over++ < waiting->more)
		return;
	if (waiting->more) {
		exchange_int(exchange, "db.operation.batch.size", (int64_t)waiting->more + 1);
	} else {
		put_hit(exchange, reply);
		put_results(exchange, reply);
	}
	redis->first = (redis->first + 1) % PIPELINE;
	redis->count--;
	exchange_end(exchange, ticks);
}

/* ---- both ---- */

static void begin_command(struct redis *redis, enum proto_way way, const struct proto_piece *piece)
{
	redis->making = exchange_begin(redis->host, "redis", way, piece);
	redis->name[0] = redis->wanted[0] = '\0';
	redis->is_wanted = false;
	exchange_string(redis->making, "db.system.name", "redis");
	if (redis->making)
		redis->making->class = RT_CLASS_database_query;
}

static struct exchange *under_way(const struct redis *redis, bool is_command)
{
	if (is_command)
		return redis->making;
	return redis->count ? redis->waiting[redis->first].exchange : NULL;
}

static void take_step(struct redis *redis, bool is_command, enum resp_step step, uint64_t ticks)
{
	struct resp_reader *reader = is_command ? &redis->commands : &redis->replies;

	if (step == RESP_LOST) {
		redis->lost = true;
		return;
	}
	if (step != RESP_VALUE)
		return;
	if (is_command && reader->depth > 1)
		redis->lost = true;
	if (is_command && reader->depth == 1)
		take_argument(redis, reader);
	if (!is_command)
		say_reply(redis, reader);
	if (!resp_value_is_over(reader))
		return;
	if (is_command)
		command_is_over(redis, reader);
	else
		reply_is_over(redis, reader, ticks);
}

static enum proto_verdict redis_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct redis *redis = state;
	const uint8_t *at = piece->bytes, *end = at + piece->size;
	bool is_command;
	struct resp_reader *reader;

	if (!redis->knows_sides) {
		redis->is_server = way == PROTO_IN;
		redis->knows_sides = true;
	}
	is_command = (way == PROTO_IN) == redis->is_server;
	reader = is_command ? &redis->commands : &redis->replies;
	while (at < end && !redis->lost) {
		const uint8_t *before = at;
		enum resp_step step;

		if (is_command && !reader->begun && !redis->making)
			begin_command(redis, way, piece);
		step = resp_read(reader, &at, end);
		exchange_moved(under_way(redis, is_command), way, piece, (size_t)(at - before));
		take_step(redis, is_command, step, piece->ticks);
	}
	return redis->lost ? PROTO_NOT_MINE : PROTO_OK;
}

static void redis_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct redis *redis = state;
	struct proto_piece piece = {.ticks = ticks};
	bool is_command = (way == PROTO_IN) == redis->is_server;
	struct resp_reader *reader = is_command ? &redis->commands : &redis->replies;

	exchange_moved(under_way(redis, is_command), way, &piece, (size_t)size);
	take_step(redis, is_command, resp_gap(reader, size), ticks);
}

static void redis_close(void *state, uint64_t ticks)
{
	struct redis *redis = state;

	for (; redis->count; redis->count--) {
		struct exchange *exchange = redis->waiting[redis->first].exchange;

		redis->first = (redis->first + 1) % PIPELINE;
		if (redis->lost) {
			exchange_drop(exchange);
			continue;
		}
		exchange->failed = true;
		exchange_string(exchange, "error.type", "connection_closed");
		exchange_end(exchange, ticks);
	}
	exchange_drop(redis->making);
	redis->making = NULL;
	explicit_bzero(&redis->commands, sizeof(redis->commands));
	explicit_bzero(&redis->replies, sizeof(redis->replies));
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
