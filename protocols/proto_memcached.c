/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memcached's text protocol: a command line, with a block of data behind those that store; replies
 * come in order. A lookup has hit when it found all that it asked for. As soon as the order is in
 * doubt the connection is given up.
 */
#include <string.h>

#include "protocols/content/key.h"
#include "protocols/protocol.h"
#include "wire/event.h"

#define PIPELINE 256
#define LINE_BYTES 512
#define COUNT_WORDS 7 /* of a line, that are looked at */

enum verb_type { VERB_GET, VERB_STORE, VERB_LINE, VERB_MANY };

/* `key_word` is the place of the first key; 0: none. */
static const struct verb {
	const char *name;
	enum verb_type type;
	uint8_t key_word;
} verbs[] = {
	{"get", VERB_GET, 1},
	{"gets", VERB_GET, 1},
	{"gat", VERB_GET, 2},
	{"gats", VERB_GET, 2},
	{"set", VERB_STORE, 1},
	{"add", VERB_STORE, 1},
	{"replace", VERB_STORE, 1},
	{"append", VERB_STORE, 1},
	{"prepend", VERB_STORE, 1},
	{"cas", VERB_STORE, 1},
	{"incr", VERB_LINE, 1},
	{"decr", VERB_LINE, 1},
	{"delete", VERB_LINE, 1},
	{"touch", VERB_LINE, 1},
	{"flush_all", VERB_LINE, 0},
	{"version", VERB_LINE, 0},
	{"verbosity", VERB_LINE, 0},
	{"stats", VERB_MANY, 0},
};

struct line {
	char text[LINE_BYTES];
	size_t size;
	bool cut;
	char last;
	uint64_t words; /* of a line of any length */
	uint64_t data;	/* bytes of a block still to come, with its line end */
};

struct waiting {
	struct exchange *exchange;
	enum verb_type type;
	uint64_t asked, found;
};

struct memcached {
	struct exchange_host *host;
	bool knows_sides, is_server;
	bool lost; /* which reply is whose */
	struct line commands, replies;
	struct waiting waiting[PIPELINE];
	unsigned first, count;
	struct waiting making; /* the command being read */
	bool is_quiet;	       /* it asks for no reply */
};

struct word {
	const char *text;
	size_t size;
};

static bool word_is(struct word word, const char *text)
{
	return word.size == strlen(text) && !memcmp(word.text, text, word.size);
}

static size_t split(const struct line *line, struct word *words)
{
	size_t count = 0, at = 0;

	while (count < COUNT_WORDS) {
		size_t begin;

		while (at < line->size && line->text[at] == ' ')
			at++;
		begin = at;
		while (at < line->size && line->text[at] != ' ')
			at++;
		if (at == begin)
			break;
		words[count++] = (struct word){line->text + begin, at - begin};
	}
	return count;
}

static bool read_number(struct word word, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < word.size; i++) {
		if (word.text[i] < '0' || word.text[i] > '9' || *number > UINT32_MAX)
			return false;
		*number = *number * 10 + (uint64_t)(word.text[i] - '0');
	}
	return word.size != 0;
}

static const struct verb *find_verb(struct word word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (word_is(word, verbs[i].name))
			return &verbs[i];
	}
	return NULL;
}

/* A verb and a blank, or its line's end. */
static enum proto_verdict memcached_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	enum proto_verdict verdict = PROTO_NOT_MINE;

	(void)way;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		size_t length = strlen(verbs[i].name);

		if (memcmp(bytes, verbs[i].name, size < length ? size : length) != 0)
			continue;
		if (size <= length)
			verdict = PROTO_NEED_MORE;
		else if (bytes[length] == ' ' || bytes[length] == '\r')
			return PROTO_OK;
	}
	return verdict;
}

static void memcached_open(void *state, struct exchange_host *host)
{
	struct memcached *memcached = state;

	memcached->host = host;
}

/* ---- commands ---- */

static void begin_command(
	struct memcached *memcached, enum proto_way way, const struct proto_piece *piece)
{
	struct exchange *exchange = exchange_begin(memcached->host, "memcached", way, piece);

	memcached->making = (struct waiting){.exchange = exchange};
	exchange_string(exchange, "db.system.name", "memcached");
}

/* False when it is none, or one that is not known here. */
static bool take_command(struct memcached *memcached, struct line *line)
{
	struct waiting *making = &memcached->making;
	struct word words[COUNT_WORDS];
	size_t count = split(line, words);
	const struct verb *verb = count ? find_verb(words[0]) : NULL;

	if (!verb || !making->exchange || (line->cut && verb->type != VERB_GET))
		return false;
	making->type = verb->type;
	making->exchange->class =
		verb->type == VERB_GET ? RT_CLASS_cache_lookup : RT_CLASS_database_query;
	exchange_string(making->exchange, "db.operation.name", verb->name);
	exchange_name(making->exchange, "%s", verb->name);
	if (verb->key_word && verb->key_word < count)
		key_pattern_put(
			making->exchange, words[verb->key_word].text, words[verb->key_word].size);
	if (line->words > verb->key_word)
		making->asked = line->words - verb->key_word;
	memcached->is_quiet = verb->type != VERB_GET && word_is(words[count - 1], "noreply");
	if (verb->type != VERB_STORE)
		return true;
	if (count < 5 || !read_number(words[4], &line->data))
		return false;
	line->data += 2;
	return true;
}

/* With its block of data. */
static void command_is_over(struct memcached *memcached, uint64_t ticks)
{
	struct waiting making = memcached->making;

	memcached->making = (struct waiting){0};
	if (memcached->is_quiet) {
		exchange_end(making.exchange, ticks);
	} else if (memcached->count == PIPELINE) {
		exchange_drop(making.exchange);
		memcached->lost = true;
	} else {
		memcached->waiting[(memcached->first + memcached->count++) % PIPELINE] = making;
	}
}

/* ---- replies ---- */

static void answer(struct memcached *memcached, uint64_t ticks)
{
	struct waiting *waiting = &memcached->waiting[memcached->first];
	struct exchange *exchange = waiting->exchange;

	memcached->first = (memcached->first + 1) % PIPELINE;
	memcached->count--;
	if (waiting->type == VERB_GET && !exchange->failed) {
		exchange_string(exchange, "ragtime.cache",
			waiting->found && waiting->found >= waiting->asked ? "hit" : "miss");
		if (waiting->asked > 1 && waiting->found <= waiting->asked) {
			exchange_int(exchange, "ragtime.cache_hits", (int64_t)waiting->found);
			exchange_int(exchange, "ragtime.cache_misses",
				(int64_t)(waiting->asked - waiting->found));
		}
	}
	exchange_end(exchange, ticks);
}

static bool take_error(struct waiting *waiting, struct word word)
{
	static const char *const errors[] = {"ERROR", "CLIENT_ERROR", "SERVER_ERROR"};

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (!word_is(word, errors[i]))
			continue;
		waiting->exchange->failed = true;
		exchange_string(waiting->exchange, "error.type", errors[i]);
		return true;
	}
	return false;
}

static bool is_capital(struct word word)
{
	for (size_t i = 0; i < word.size; i++) {
		if ((word.text[i] < 'A' || word.text[i] > 'Z') && word.text[i] != '_')
			return false;
	}
	return word.size != 0;
}

/* False when it cannot be the reply to what waits for one. */
static bool take_reply(struct memcached *memcached, struct line *line, uint64_t ticks)
{
	struct waiting *waiting = memcached->count ? &memcached->waiting[memcached->first] : NULL;
	struct word words[COUNT_WORDS] = {0};
	size_t count = split(line, words);
	uint64_t number;

	if (!waiting || !count)
		return false;
	if (waiting->type == VERB_GET && word_is(words[0], "VALUE")) {
		if (count < 4 || line->cut || !read_number(words[3], &line->data))
			return false;
		line->data += 2;
		waiting->found++;
		return true;
	}
	if (waiting->type == VERB_MANY && word_is(words[0], "STAT"))
		return true;
	if (!take_error(waiting, words[0]) &&
		(waiting->type == VERB_GET || waiting->type == VERB_MANY
				? !word_is(words[0], "END") && !word_is(words[0], "RESET")
				: !is_capital(words[0]) && !read_number(words[0], &number)))
		return false;
	answer(memcached, ticks);
	return true;
}

/* ---- lines and blocks ---- */

enum step { STEP_MORE, STEP_LINE, STEP_BLOCK, STEP_LOST };

static enum step pass_block(struct line *line, uint64_t size)
{
	line->data -= size;
	return line->data ? STEP_MORE : STEP_BLOCK;
}

static enum step read_step(struct line *line, const uint8_t **at, const uint8_t *end)
{
	size_t left = (size_t)(end - *at);

	if (line->data) {
		uint64_t run = left < line->data ? left : line->data;
		/* its last two bytes are a line's end */
		uint64_t payload = line->data > 2 ? line->data - 2 : 0;

		for (uint64_t i = payload < run ? payload : run; i < run; i++) {
			if ((*at)[i] != (line->data - i == 2 ? '\r' : '\n'))
				return STEP_LOST;
		}
		*at += run;
		return pass_block(line, run);
	}
	while (*at < end) {
		char byte = (char)*(*at)++;

		if (byte == '\n') {
			bool ended = line->last == '\r';

			if (ended && !line->cut)
				line->size--;
			return ended ? STEP_LINE : STEP_LOST;
		}
		if (byte != ' ' && byte != '\r' && (!line->last || line->last == ' '))
			line->words++;
		line->last = byte;
		if (line->size < LINE_BYTES)
			line->text[line->size++] = byte;
		else
			line->cut = true;
	}
	return STEP_MORE;
}

static void begin_line(struct line *line)
{
	line->size = line->words = 0;
	line->last = '\0';
	line->cut = false;
}

static void take_step(struct memcached *memcached, bool is_command, enum step step, uint64_t ticks)
{
	struct line *line = is_command ? &memcached->commands : &memcached->replies;

	if (step == STEP_LINE) {
		bool known = is_command ? take_command(memcached, line)
					: take_reply(memcached, line, ticks);

		memcached->lost = memcached->lost || !known;
		begin_line(line);
	}
	memcached->lost = memcached->lost || step == STEP_LOST;
	if (is_command && step != STEP_MORE && !line->data && !memcached->lost)
		command_is_over(memcached, ticks);
}

static struct exchange *under_way(const struct memcached *memcached, bool is_command)
{
	if (is_command)
		return memcached->making.exchange;
	return memcached->count ? memcached->waiting[memcached->first].exchange : NULL;
}

static enum proto_verdict memcached_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct memcached *memcached = state;
	const uint8_t *at = piece->bytes, *end = at + piece->size;
	bool is_command;

	if (!memcached->knows_sides) {
		memcached->is_server = way == PROTO_IN;
		memcached->knows_sides = true;
	}
	is_command = (way == PROTO_IN) == memcached->is_server;
	while (at < end && !memcached->lost) {
		const uint8_t *before = at;
		enum step step;

		if (is_command && !memcached->making.exchange)
			begin_command(memcached, way, piece);
		step = read_step(is_command ? &memcached->commands : &memcached->replies, &at, end);
		exchange_moved(under_way(memcached, is_command), way, piece, (size_t)(at - before));
		take_step(memcached, is_command, step, piece->ticks);
	}
	return memcached->lost ? PROTO_NOT_MINE : PROTO_OK;
}

static void memcached_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct memcached *memcached = state;
	struct proto_piece piece = {.ticks = ticks};
	bool is_command = (way == PROTO_IN) == memcached->is_server;
	struct line *line = is_command ? &memcached->commands : &memcached->replies;

	if (!line->data || size > line->data) {
		memcached->lost = true;
		return;
	}
	exchange_moved(under_way(memcached, is_command), way, &piece, (size_t)size);
	take_step(memcached, is_command, pass_block(line, size), ticks);
}

static void memcached_close(void *state, uint64_t ticks)
{
	struct memcached *memcached = state;

	for (; memcached->count; memcached->count--) {
		struct exchange *exchange = memcached->waiting[memcached->first].exchange;

		memcached->first = (memcached->first + 1) % PIPELINE;
		if (memcached->lost) {
			exchange_drop(exchange);
			continue;
		}
		exchange->failed = true;
		exchange_string(exchange, "error.type", "connection_closed");
		exchange_end(exchange, ticks);
	}
	exchange_drop(memcached->making.exchange);
	memcached->making.exchange = NULL;
	explicit_bzero(&memcached->commands, sizeof(memcached->commands));
	explicit_bzero(&memcached->replies, sizeof(memcached->replies));
}

const struct protocol protocol_memcached = {
	.name = "memcached",
	.state_size = sizeof(struct memcached),
	.probe = memcached_probe,
	.open = memcached_open,
	.feed = memcached_feed,
	.gap = memcached_gap,
	.close = memcached_close,
};
