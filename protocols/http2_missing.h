/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes of a direction were not copied, and whose they are: the latest of them. */
#ifndef PROTOCOLS_HTTP2_MISSING_H
#define PROTOCOLS_HTTP2_MISSING_H

#include <stdint.h>

/* As many as the excerpts' tail may hold in runs. */
#define HTTP2_MISSING 32

struct http2_missing {
	unsigned next;
	struct {
		uint64_t position, size;
		uint32_t id;
	} ranges[HTTP2_MISSING];
};

static inline void http2_missing_add(
	struct http2_missing *missing, uint64_t position, uint64_t size, uint32_t id)
{
	unsigned at = missing->next++ % HTTP2_MISSING;

	missing->ranges[at].position = position;
	missing->ranges[at].size = size;
	missing->ranges[at].id = id;
}

/* The stream that all these bytes belong to; 0: none. */
static inline uint32_t http2_missing_find(
	const struct http2_missing *missing, uint64_t position, uint64_t size)
{
	for (unsigned i = 0; i < HTTP2_MISSING; i++) {
		uint64_t behind = position - missing->ranges[i].position;

		if (position >= missing->ranges[i].position && size <= missing->ranges[i].size &&
			behind <= missing->ranges[i].size - size)
			return missing->ranges[i].id;
	}
	return 0;
}

#endif
