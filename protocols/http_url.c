/* SPDX-License-Identifier: Apache-2.0 */
/* A segment is kept when it reads like a word of an API, else it is an identifier. */
#include "protocols/http_url.h"

#include <stdbool.h>
#include <string.h>

/* Longer words than this are rare in APIs and usual in tokens. */
#define WORD_MAX 32

static bool is_version(const char *text, size_t size)
{
	return size >= 2 && size <= 8 && text[0] == 'v' && text[1] >= '0' && text[1] <= '9';
}

/* Letters with - _ . : between; few digits, and only at the end of a part ("gpt-4o" is one). */
static bool is_word(const char *text, size_t size)
{
	size_t letters = 0, digits = 0, capitals_inside = 0;

	if (size > WORD_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			letters++;
		else if (c >= '0' && c <= '9')
			digits++;
		else if (!strchr("-_.:", c))
			return false;
		capitals_inside +=
			i && c >= 'A' && c <= 'Z' && text[i - 1] >= '0' && text[i - 1] <= '9';
	}
	return letters && digits <= 4 && digits <= letters && !capitals_inside;
}

void http_url_template(const char *path, char *out, size_t room)
{
	size_t used = 0;

	while (*path) {
		size_t slashes = strspn(path, "/");
		size_t size = strcspn(path + slashes, "/");
		const char *segment = path + slashes;
		const char *kept = segment;
		size_t kept_size = size;

		if (size && !is_version(segment, size) && !is_word(segment, size)) {
			kept = "{id}";
			kept_size = 4;
		}
		if (used + (slashes != 0) + kept_size >= room)
			break;
		if (slashes)
			out[used++] = '/';
		memcpy(out + used, kept, kept_size);
		used += kept_size;
		path = segment + size;
	}
	out[used] = '\0';
}
