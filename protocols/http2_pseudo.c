/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/http2_pseudo.h"

#include <string.h>

static void keep(char *to, size_t room, size_t *kept, const char *from, size_t size)
{
	*kept = size < room - 1 ? size : room - 1;
	memcpy(to, from, *kept);
	to[*kept] = '\0';
}

static bool name_is(const char *name, size_t size, const char *wanted)
{
	return strlen(wanted) == size && !memcmp(name, wanted, size);
}

void http2_pseudo_take(struct http2_pseudo *pseudo, const char *name, size_t name_size,
	const char *value, size_t size)
{
	if (name_is(name, name_size, ":method")) {
		keep(pseudo->method, sizeof(pseudo->method), &pseudo->method_size, value, size);
	} else if (name_is(name, name_size, ":path")) {
		keep(pseudo->path, sizeof(pseudo->path), &pseudo->path_size, value, size);
	} else if (name_is(name, name_size, ":authority")) {
		keep(pseudo->authority, sizeof(pseudo->authority), &pseudo->authority_size, value,
			size);
	} else if (name_is(name, name_size, ":status")) {
		pseudo->status = 0;
		for (size_t i = 0; i < size && i < 3 && value[i] >= '0' && value[i] <= '9'; i++)
			pseudo->status = pseudo->status * 10 + (unsigned)(value[i] - '0');
	}
}

void http2_pseudo_request(const struct http2_pseudo *pseudo, struct http_stream *http)
{
	const char *target = pseudo->path;
	size_t size = pseudo->path_size;

	if (!size) { /* CONNECT has none */
		target = strcmp(pseudo->method, "CONNECT") ? "unknown" : pseudo->authority;
		size = strlen(target);
	}
	http_request(http, pseudo->method, pseudo->method_size, target, size);
	http_header(http, true, ":authority", 10, pseudo->authority, pseudo->authority_size);
}
