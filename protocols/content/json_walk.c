/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON parser that stops for nothing and keeps next to nothing. */
#include "protocols/content/json_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No number, true, false or null is longer. */
#define WORD_MAX 64

enum state {
	STATE_VALUE,	   /* a value is due */
	STATE_FIRST_VALUE, /* or the end of an empty array */
	STATE_FIRST_KEY,   /* a key or the end of an empty object */
	STATE_KEY,
	STATE_COLON,
	STATE_AFTER, /* a comma or a closing bracket */
	STATE_STRING,
	STATE_ESCAPE,
	STATE_UNICODE,
	STATE_WORD, /* a number, true, false or null */
	STATE_DONE,
	STATE_RESYNC,
	STATE_BROKEN,
};

void json_walk_init(struct json_walk *walk, json_value_fn *on_value, void *context)
{
	walk->on_value = on_value;
	walk->context = context;
	walk->state = STATE_VALUE;
	walk->depth = 0;
	walk->after_gap = false;
	walk->path_cut = false;
	walk->path_size = 0;
	walk->path[0] = '\0';
}

static void path_append(struct json_walk *walk, const char *text, size_t size)
{
	if (walk->path_size + size >= JSON_PATH) {
		walk->path_cut = true;
		return;
	}
	memcpy(walk->path + walk->path_size, text, size);
	walk->path_size = (uint16_t)(walk->path_size + size);
	walk->path[walk->path_size] = '\0';
}

/* Back to the path of the innermost container. */
static void path_rewind(struct json_walk *walk)
{
	walk->path_size = walk->depth ? walk->levels[walk->depth - 1].path_size : 0;
	walk->path[walk->path_size] = '\0';
	walk->path_cut = false;
}

static void report(struct json_walk *walk, struct dialect_value *value)
{
	const struct json_level *level = walk->depth ? &walk->levels[walk->depth - 1] : NULL;

	if (walk->path_cut)
		return;
	value->path = walk->path;
	value->index = level && level->is_array ? level->index : 0;
	for (unsigned i = walk->depth; !value->index && i-- > 0;) {
		if (walk->levels[i].is_array) {
			value->index = walk->levels[i].index;
			break;
		}
	}
	walk->on_value(walk->context, value);
}

static int open_container(struct json_walk *walk, bool is_array)
{
	struct dialect_value value = {.type = VALUE_OPEN};

	if (walk->depth == JSON_DEPTH)
		return -EINVAL;
	report(walk, &value);
	if (is_array)
		path_append(walk, "[]", 2);
	walk->levels[walk->depth++] =
		(struct json_level){.is_array = is_array, .path_size = walk->path_size};
	walk->state = is_array ? STATE_FIRST_VALUE : STATE_FIRST_KEY;
	return 0;
}

static int close_container(struct json_walk *walk, bool is_array)
{
	struct dialect_value value = {.type = VALUE_CLOSE};

	if (!walk->depth) {
		walk->state = STATE_AFTER;
		return walk->after_gap ? 0 : -EINVAL;
	}
	if (walk->levels[walk->depth - 1].is_array != is_array)
		return -EINVAL;
	walk->depth--;
	walk->path_size = walk->levels[walk->depth].path_size;
	if (is_array && walk->path_size >= 2)
		walk->path_size -= 2;
	walk->path[walk->path_size] = '\0';
	walk->path_cut = false;
	report(walk, &value);
	walk->state = walk->depth || walk->after_gap ? STATE_AFTER : STATE_DONE;
	return 0;
}

static void value_is_over(struct json_walk *walk)
{
	walk->state = walk->depth || walk->after_gap ? STATE_AFTER : STATE_DONE;
}

static void text_put(struct json_walk *walk, const char *bytes, size_t size)
{
	size_t room = DIALECT_TEXT - walk->text_size;

	walk->whole += size;
	if (size > room)
		size = room;
	memcpy(walk->text + walk->text_size, bytes, size);
	walk->text_size += (uint32_t)size;
}

static void begin_string(struct json_walk *walk, bool is_key)
{
	walk->text_size = 0;
	walk->whole = 0;
	walk->is_key = is_key;
	walk->state = STATE_STRING;
}

static void take_key(struct json_walk *walk)
{
	path_rewind(walk);
	if (walk->path_size)
		path_append(walk, ".", 1);
	if (walk->whole > walk->text_size)
		walk->path_cut = true;
	path_append(walk, walk->text, walk->text_size);
	walk->state = STATE_COLON;
}

static void end_string(struct json_walk *walk)
{
	struct dialect_value value = {
		.type = VALUE_STRING,
		.text = walk->text,
		.size = walk->text_size,
		.whole = walk->whole,
	};

	if (walk->is_key) {
		take_key(walk);
		return;
	}
	/* After a gap a string may turn out to be a key of a container whose opening was not seen.
	 */
	if (walk->after_gap && !walk->depth && !walk->has_key) {
		take_key(walk);
		return;
	}
	report(walk, &value);
	value_is_over(walk);
}

static const char *take_digits(const char *at, uint64_t *number)
{
	for (; *at >= '0' && *at <= '9'; at++)
		*number = *number * 10 + (uint64_t)(*at - '0');
	return at;
}

/*
 * Numbers as vectors are full of: up to 15 digits, no exponent. A division of two numbers that a
 * double holds exactly is rounded as strtod rounds.
 */
static bool short_number(const char *text, size_t size, struct dialect_value *value)
{
	static const double powers[] = {
		1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	bool negative = *text == '-';
	const char *start = text + negative, *at, *point;
	uint64_t number = 0;

	if (size > 15)
		return false;
	point = at = take_digits(start, &number);
	if (at == start)
		return false;
	if (*at == '.')
		at = take_digits(at + 1, &number);
	if (*at || (*point && at == point + 1))
		return false;
	value->type = *point ? VALUE_DOUBLE : VALUE_INT;
	value->real = *point ? (double)number / powers[at - point - 1] : (double)number;
	value->number = (int64_t)number;
	if (negative) {
		value->real = -value->real;
		value->number = -value->number;
	}
	if (*point)
		value->number = (int64_t)value->real;
	return true;
}

static bool long_number(const char *text, struct dialect_value *value)
{
	char *end;

	value->real = strtod(text, &end);
	if (*end || end == text)
		return false;
	value->type = VALUE_DOUBLE;
	errno = 0;
	value->number = strtoll(text, &end, 10);
	if (!*end && !errno)
		value->type = VALUE_INT;
	return true;
}

/* The word in text[], now complete. */
static int end_word(struct json_walk *walk)
{
	struct dialect_value value = {.type = VALUE_NULL};

	if (walk->text_size >= WORD_MAX)
		return -EINVAL;
	walk->text[walk->text_size] = '\0';
	if (!short_number(walk->text, walk->text_size, &value)) {
		if (!strcmp(walk->text, "true") || !strcmp(walk->text, "false")) {
			value.type = VALUE_BOOL;
			value.number = walk->text[0] == 't';
		} else if (strcmp(walk->text, "null") != 0 && !long_number(walk->text, &value)) {
			return -EINVAL;
		}
	}
	report(walk, &value);
	value_is_over(walk);
	return 0;
}

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static bool is_word(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
		(byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '+' || byte == '.';
}

static int begin_value(struct json_walk *walk, char byte)
{
	switch (byte) {
	case '"':
		begin_string(walk, false);
		return 0;
	case '{':
		return open_container(walk, false);
	case '[':
		return open_container(walk, true);
	default:
		if (!is_word(byte))
			return -EINVAL;
		walk->text_size = 0;
		walk->whole = 0;
		text_put(walk, &byte, 1);
		walk->state = STATE_WORD;
		return 0;
	}
}

static int after_value(struct json_walk *walk, char byte)
{
	struct json_level *level = walk->depth ? &walk->levels[walk->depth - 1] : NULL;

	if (byte == '}' || byte == ']')
		return close_container(walk, byte == ']');
	if (byte != ',')
		return -EINVAL;
	if (!level) {
		path_rewind(walk);
		walk->has_key = false;
		walk->state = STATE_VALUE;
	} else if (level->is_array) {
		level->index++;
		walk->state = STATE_VALUE;
	} else {
		walk->state = STATE_KEY;
	}
	return 0;
}

/* A byte between strings and words. */
static int take_mark(struct json_walk *walk, char byte)
{
	if (is_space(byte))
		return 0;
	switch (walk->state) {
	case STATE_FIRST_VALUE:
		if (byte == ']')
			return close_container(walk, true);
		/* fall through */
	case STATE_VALUE:
		return begin_value(walk, byte);
	case STATE_FIRST_KEY:
		if (byte == '}')
			return close_container(walk, false);
		/* fall through */
	case STATE_KEY:
		if (byte != '"')
			return -EINVAL;
		begin_string(walk, true);
		return 0;
	case STATE_COLON:
		if (byte == ':') {
			walk->has_key = true;
			walk->state = STATE_VALUE;
			return 0;
		}
		/* after a gap: no key, but an element of an array */
		if (walk->after_gap && !walk->depth)
			return after_value(walk, byte);
		return -EINVAL;
	case STATE_AFTER:
		return after_value(walk, byte);
	default:
		return -EINVAL;
	}
}

static void put_code_point(struct json_walk *walk, uint32_t point)
{
	char utf8[3];
	size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : 3;

	if (size == 1) {
		utf8[0] = (char)point;
	} else if (size == 2) {
		utf8[0] = (char)(0xc0 | point >> 6);
		utf8[1] = (char)(0x80 | (point & 0x3f));
	} else {
		utf8[0] = (char)(0xe0 | point >> 12);
		utf8[1] = (char)(0x80 | (point >> 6 & 0x3f));
		utf8[2] = (char)(0x80 | (point & 0x3f));
	}
	text_put(walk, utf8, size);
}

static int take_escape(struct json_walk *walk, char byte)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *found = byte ? strchr(names, byte) : NULL;

	if (byte == 'u') {
		walk->after_escape = 4;
		walk->code_unit = 0;
		walk->state = STATE_UNICODE;
		return 0;
	}
	if (!found)
		return -EINVAL;
	text_put(walk, &values[found - names], 1);
	walk->state = STATE_STRING;
	return 0;
}

static int take_unicode(struct json_walk *walk, char byte)
{
	uint32_t digit = byte >= '0' && byte <= '9' ? (uint32_t)(byte - '0')
		: byte >= 'a' && byte <= 'f'	    ? (uint32_t)(byte - 'a' + 10)
		: byte >= 'A' && byte <= 'F'	    ? (uint32_t)(byte - 'A' + 10)
						    : 16;

	if (digit == 16)
		return -EINVAL;
	walk->code_unit = walk->code_unit << 4 | digit;
	if (!--walk->after_escape) {
		/* each half of a surrogate pair stands for itself: sizes matter here, not glyphs */
		put_code_point(walk, walk->code_unit);
		walk->state = STATE_STRING;
	}
	return 0;
}

/* The plain bytes of a string from here on. */
static size_t string_run(const char *bytes, size_t size)
{
	size_t run = 0;

	while (run < size && bytes[run] != '"' && bytes[run] != '\\')
		run++;
	return run;
}

static size_t take_string(struct json_walk *walk, const char *bytes, size_t size)
{
	size_t run = string_run(bytes, size);

	text_put(walk, bytes, run);
	if (run == size)
		return run;
	if (bytes[run] == '"')
		end_string(walk);
	else
		walk->state = STATE_ESCAPE;
	return run + 1;
}

static int take_byte(struct json_walk *walk, char byte)
{
	int err;

	switch (walk->state) {
	case STATE_ESCAPE:
		return take_escape(walk, byte);
	case STATE_UNICODE:
		return take_unicode(walk, byte);
	case STATE_WORD:
		if (is_word(byte)) {
			walk->text[walk->text_size++] = byte;
			return walk->text_size < WORD_MAX ? 0 : -EINVAL;
		}
		err = end_word(walk);
		return err || is_space(byte) ? err : after_value(walk, byte);
	case STATE_DONE: /* JSON lines, and whoever sends them as something else */
		if (!is_space(byte))
			json_walk_init(walk, walk->on_value, walk->context);
		return take_mark(walk, byte);
	case STATE_RESYNC:
		if (byte == ']' || byte == '}')
			walk->state = STATE_AFTER;
		return 0;
	default:
		return take_mark(walk, byte);
	}
}

int json_walk_feed(struct json_walk *walk, const void *bytes, size_t size)
{
	const char *at = bytes, *end = at + size;

	while (at < end && walk->state != STATE_BROKEN) {
		if (walk->state == STATE_STRING)
			at += take_string(walk, at, (size_t)(end - at));
		else if (take_byte(walk, *at++))
			walk->state = STATE_BROKEN;
	}
	return walk->state == STATE_BROKEN ? -EINVAL : 0;
}

void json_walk_gap(struct json_walk *walk)
{
	walk->depth = 0;
	walk->after_gap = true;
	walk->has_key = false;
	path_rewind(walk);
	walk->state = STATE_RESYNC;
}

void json_walk_end(struct json_walk *walk)
{
	if (walk->state == STATE_WORD && end_word(walk))
		walk->state = STATE_BROKEN;
}

bool json_walk_done(const struct json_walk *walk)
{
	return walk->state == STATE_DONE;
}
