/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/content/json_member.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_blank(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

/* Behind the string that begins here. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		at += *at == '\\' && end - at > 1;
	return at < end ? at + 1 : end;
}

/* Behind the value that begins here: before the ',' or bracket that ends it. */
static const char *skip_value(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		if (!depth && (*at == ',' || *at == '}' || *at == ']'))
			break;
		depth += *at == '{' || *at == '[';
		depth -= *at == '}' || *at == ']';
		at++;
	}
	return at;
}

const char *json_member(const char *text, size_t text_size, const char *name, size_t *size)
{
	const char *end = text + text_size, *at = skip_blank(text, end), *key, *value, *behind;
	size_t name_size = strlen(name);

	if (at == end || *at != '{')
		return NULL;
	for (;;) {
		key = skip_blank(at + 1, end);
		if (key == end || *key != '"')
			return NULL;
		at = skip_string(key, end);
		value = skip_blank(at, end);
		if (value == end || *value != ':')
			return NULL;
		value = skip_blank(value + 1, end);
		behind = skip_value(value, end);
		if ((size_t)(at - key) == name_size + 2 && !memcmp(key + 1, name, name_size)) {
			while (behind > value && is_blank(behind[-1]))
				behind--;
			*size = (size_t)(behind - value);
			return value;
		}
		if (behind == end || *behind != ',')
			return NULL;
		at = behind;
	}
}
