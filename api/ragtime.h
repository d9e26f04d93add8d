/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans of your own in ragtime's tree, for C and C++. Nothing to link: messages are writes to a
 * descriptor that cannot exist, which ragtime takes; without ragtime the first one fails and no
 * other is made.
 *
 *	ragtime_span span = ragtime_begin("rag_query");
 *	ragtime_fact(span, "query.id", "17");
 *	ragtime_end(span, failed);
 */
#ifndef RAGTIME_H
#define RAGTIME_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

typedef int64_t ragtime_span; /* 0: not traced */

struct ragtime_message {
	uint32_t magic, type; /* 0x5254534e; 1 begins, 2 ends, 3 ends and has failed, 4 is a fact */
	int64_t span;
	char text[496]; /* a name, or key NUL value */
};

__attribute__((weak)) int ragtime_is_off; /* set it to 1 and 0 to disable and enable */

static inline int64_t ragtime_say(
	uint32_t type, ragtime_span span, const char *key, const char *value)
{
	struct ragtime_message message = {0x5254534e, type, span, {0}};
	size_t size = strnlen(key, 200), more = value ? strnlen(value, 280) + 1 : 0;
	int before = errno;
	int64_t said;

	if (ragtime_is_off || (type != 1 && !span))
		return 0;
	memcpy(message.text, key, size);
	if (more)
		memcpy(message.text + size + 1, value, more - 1);
	said = write(0x7f524147, &message, 16 + size + more);
	ragtime_is_off = said < 0;
	errno = before;
	return said < 0 ? 0 : said;
}

#define ragtime_begin(name) ((ragtime_span)ragtime_say(1, 0, name, NULL))
#define ragtime_fact(span, key, value) ((void)ragtime_say(4, span, key, value))
#define ragtime_end(span, failed) ((void)ragtime_say((failed) ? 3 : 2, span, "", NULL))

#endif
