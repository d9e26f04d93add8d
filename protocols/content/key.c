/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first part of a key says what kind of thing it names, by custom; all further ones may be
 * data, words or not, and so may a key that has no parts.
 */
#include "protocols/content/key.h"

#include <stdbool.h>

#define WORD_BYTES 24
#define PATTERN_BYTES 64

static bool is_separator(char c)
{
	return c == ':' || c == '/' || c == '|' || c == '.';
}

static bool is_word(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = (char)(text[i] | 0x20);

		if (!(c >= 'a' && c <= 'z') && text[i] != '_' && text[i] != '-')
			return false;
	}
	return size && size <= WORD_BYTES;
}

void key_pattern_put(struct exchange *exchange, const char *key, size_t size)
{
	char pattern[PATTERN_BYTES];
	size_t used = 0, at = 0;

	while (at < size && !is_separator(key[at]))
		at++;
	if (at < size && is_word(key, at)) {
		for (; used < at; used++)
			pattern[used] = key[used];
	} else {
		pattern[used++] = '*';
	}
	for (; at < size && used < sizeof(pattern) - 2; at++) {
		if (!is_separator(key[at]))
			continue;
		pattern[used++] = key[at];
		pattern[used++] = '*';
	}
	exchange_text(exchange, "ragtime.key_pattern", pattern, used);
}
