/* SPDX-License-Identifier: Apache-2.0 */
/* Walks HTTP/2 frame heads. */
#include "preload/payload_http2.h"

enum { TYPE_DATA = 0, TYPE_HEADERS = 1, FLAG_END_STREAM = 1 };

static void head_read(struct http2_walk *walk)
{
	uint8_t type = walk->head[3];

	walk->left = (uint32_t)walk->head[0] << 16 | (uint32_t)walk->head[1] << 8 | walk->head[2];
	walk->is_data = type == TYPE_DATA;
	walk->ends = (type == TYPE_DATA || type == TYPE_HEADERS) && walk->head[4] & FLAG_END_STREAM;
	walk->have = 0;
}

struct http2_run http2_walk_next(struct http2_walk *walk, const uint8_t *bytes, size_t size)
{
	struct http2_run run = {0};

	if (walk->left) {
		run.size = size < walk->left ? size : walk->left;
		run.is_data = walk->is_data;
		walk->left -= (uint32_t)run.size;
		run.ends_stream = !walk->left && walk->ends;
		return run;
	}
	while (run.size < size && walk->have < HTTP2_HEAD)
		walk->head[walk->have++] = bytes[run.size++];
	if (walk->have == HTTP2_HEAD) {
		head_read(walk);
		run.ends_stream = !walk->left && walk->ends;
	}
	return run;
}
