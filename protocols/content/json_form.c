/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/content/json_form.h"

#include <stdbool.h>
#include <string.h>

#define FENCE 3

enum state {
	FORM_EMPTY, /* nothing but space has come */
	FORM_FENCE, /* the rest of a fence's first line */
	FORM_VALUE,
	FORM_FIRST_VALUE,
	FORM_FIRST_KEY,
	FORM_KEY,
	FORM_KEY_STRING,
	FORM_KEY_ESCAPE,
	FORM_COLON,
	FORM_STRING,
	FORM_ESCAPE,
	FORM_WORD,
	FORM_AFTER,
	FORM_DONE,
	FORM_BROKEN,
	FORM_TEXT,
};

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Numbers, true, false, null. */
static bool begins_word(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == 't' || c == 'f' || c == 'n';
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '+' ||
		c == '-' || c == 'E';
}

static uint8_t open_container(struct json_form *form, bool is_array)
{
	if (form->depth == JSON_FORM_DEPTH)
		return FORM_BROKEN;
	form->depth++;
	form->is_array = form->is_array << 1 | is_array;
	return is_array ? FORM_FIRST_VALUE : FORM_FIRST_KEY;
}

static uint8_t close_container(struct json_form *form, bool is_array)
{
	if ((form->is_array & 1) != is_array)
		return FORM_BROKEN;
	form->is_array >>= 1;
	return --form->depth ? FORM_AFTER : FORM_DONE;
}

static uint8_t begin(struct json_form *form, char c)
{
	if (c == '`')
		return ++form->fence == FENCE ? FORM_FENCE : FORM_EMPTY;
	if (c == '{' || c == '[')
		return open_container(form, c == '[');
	return form->fence == FENCE ? FORM_BROKEN : FORM_TEXT;
}

static uint8_t begin_value(struct json_form *form, char c)
{
	if (c == ']' && form->state == FORM_FIRST_VALUE)
		return close_container(form, true);
	if (c == '{' || c == '[')
		return open_container(form, c == '[');
	return c == '"' ? FORM_STRING : begins_word(c) ? FORM_WORD : FORM_BROKEN;
}

static uint8_t after_value(struct json_form *form, char c)
{
	if (c == ',')
		return form->is_array & 1 ? FORM_VALUE : FORM_KEY;
	return c == '}' || c == ']' ? close_container(form, c == ']') : FORM_BROKEN;
}

/* A byte inside a string: the state when it is over, and after a backslash. */
static uint8_t in_string(char c, uint8_t now, uint8_t over, uint8_t escape)
{
	return c == '"' ? over : c == '\\' ? escape : (unsigned char)c < ' ' ? FORM_BROKEN : now;
}

static uint8_t take_mark(struct json_form *form, char c)
{
	switch (form->state) {
	case FORM_EMPTY:
		return begin(form, c);
	case FORM_VALUE:
	case FORM_FIRST_VALUE:
		return begin_value(form, c);
	case FORM_FIRST_KEY:
		if (c == '}')
			return close_container(form, false);
		/* fall through */
	case FORM_KEY:
		return c == '"' ? FORM_KEY_STRING : FORM_BROKEN;
	case FORM_COLON:
		return c == ':' ? FORM_VALUE : FORM_BROKEN;
	case FORM_AFTER:
		return after_value(form, c);
	default: /* FORM_DONE: the end of the fence alone may come */
		return c == '`' && form->fence ? FORM_DONE : FORM_BROKEN;
	}
}

static uint8_t take(struct json_form *form, char c)
{
	switch (form->state) {
	case FORM_FENCE:
		return c == '\n' ? FORM_EMPTY : FORM_FENCE;
	case FORM_KEY_STRING:
		return in_string(c, FORM_KEY_STRING, FORM_COLON, FORM_KEY_ESCAPE);
	case FORM_KEY_ESCAPE:
		return FORM_KEY_STRING;
	case FORM_STRING:
		return in_string(c, FORM_STRING, FORM_AFTER, FORM_ESCAPE);
	case FORM_ESCAPE:
		return FORM_STRING;
	case FORM_WORD:
		if (is_word(c))
			return FORM_WORD;
		form->state = FORM_AFTER;
		/* fall through */
	default:
		return is_space(c) ? form->state : take_mark(form, c);
	}
}

void json_form_feed(struct json_form *form, const char *text, size_t size)
{
	for (size_t i = 0; i < size && form->state < FORM_BROKEN; i++)
		form->state = take(form, text[i]);
}

const char *json_form_name(const struct json_form *form)
{
	switch (form->state) {
	case FORM_EMPTY:
		return NULL;
	case FORM_TEXT:
		return "text";
	case FORM_DONE:
		return "json";
	default: /* it is over too soon */
		return "broken";
	}
}
