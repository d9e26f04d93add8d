/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON into a buffer. */
#include "lib/json.h"

#include <math.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void new_line(struct json *json)
{
	if (!json->pretty)
		return;
	buf_append(json->out, "\n", 1);
	for (unsigned i = 0; i < json->depth; i++)
		buf_append(json->out, "  ", 2);
}

static void before_value(struct json *json)
{
	if (json->after_key) {
		json->after_key = false;
		return;
	}
	if (json->after_value)
		buf_append(json->out, ",", 1);
	if (json->depth)
		new_line(json);
}

void json_open(struct json *json, char bracket)
{
	before_value(json);
	buf_append(json->out, &bracket, 1);
	json->depth++;
	json->after_value = false;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (json->after_value)
		new_line(json);
	buf_append(json->out, &bracket, 1);
	json->after_value = true;
}

/* Length of the well-formed UTF-8 sequence at `text`, or 0. */
static unsigned sequence_length(const unsigned char *text)
{
	unsigned length = text[0] < 0x80 ? 1
		: text[0] < 0xc2	 ? 0
		: text[0] < 0xe0	 ? 2
		: text[0] < 0xf0	 ? 3
		: text[0] < 0xf5	 ? 4
					 : 0;

	for (unsigned i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
		(text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

static void put_quoted(struct json *json, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	const unsigned char *plain = at;

	buf_append(json->out, "\"", 1);
	while (*at) {
		unsigned length = sequence_length(at);

		if (length && *at >= 0x20 && *at != '"' && *at != '\\' && *at != 0x7f) {
			at += length;
			continue;
		}
		buf_append(json->out, plain, (size_t)(at - plain));
		if (!length)
			buf_puts(json->out, "\\ufffd");
		else if (*at == '"' || *at == '\\')
			buf_printf(json->out, "\\%c", *at);
		else if (*at == '\n')
			buf_puts(json->out, "\\n");
		else
			buf_printf(json->out, "\\u%04x", *at);
		plain = ++at;
	}
	buf_append(json->out, plain, (size_t)(at - plain));
	buf_append(json->out, "\"", 1);
}

void json_key(struct json *json, const char *key)
{
	before_value(json);
	put_quoted(json, key);
	buf_puts(json->out, json->pretty ? ": " : ":");
	json->after_key = true;
	json->after_value = false;
}

static void put_raw(struct json *json, const char *text)
{
	before_value(json);
	buf_puts(json->out, text);
	json->after_value = true;
}

void json_string(struct json *json, const char *text)
{
	if (!text) {
		json_null(json);
		return;
	}
	before_value(json);
	put_quoted(json, text);
	json->after_value = true;
}

void json_int(struct json *json, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	put_raw(json, text);
}

void json_double(struct json *json, double value)
{
	char text[40];

	if (!isfinite(value)) {
		json_null(json);
		return;
	}
	snprintf(text, sizeof(text), "%.6g", value);
	put_raw(json, text);
}

void json_number(struct json *json, const char *text)
{
	put_raw(json, text);
}

void json_bool(struct json *json, bool value)
{
	put_raw(json, value ? "true" : "false");
}

void json_null(struct json *json)
{
	put_raw(json, "null");
}

void json_member_string(struct json *json, const char *key, const char *text)
{
	json_key(json, key);
	json_string(json, text);
}

void json_member_int(struct json *json, const char *key, int64_t value)
{
	json_key(json, key);
	json_int(json, value);
}

void json_member_known(struct json *json, const char *key, bool known, int64_t value)
{
	if (known)
		json_member_int(json, key, value);
	else
		json_member_null(json, key);
}

void json_member_double(struct json *json, const char *key, double value)
{
	json_key(json, key);
	json_double(json, value);
}

void json_member_bool(struct json *json, const char *key, bool value)
{
	json_key(json, key);
	json_bool(json, value);
}

void json_member_null(struct json *json, const char *key)
{
	json_key(json, key);
	json_null(json);
}
