/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/gzip.h"

#include <errno.h>
#include <zlib.h>

#define ROOM 65536

int gzip_put(struct buf *out, const struct buf *bytes)
{
	z_stream stream = {.next_in = bytes->data, .avail_in = (uInt)bytes->size};
	const int gzip = 15 + 16, memory = 8;
	int state;

	if (bytes->failed || bytes->size > UINT32_MAX ||
		deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip, memory,
			Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	do {
		stream.next_out = buf_reserve(out, ROOM);
		if (!stream.next_out)
			break;
		stream.avail_out = ROOM;
		state = deflate(&stream, Z_FINISH);
		out->size += ROOM - stream.avail_out;
	} while (state == Z_OK);
	deflateEnd(&stream);
	return out->failed ? -ENOMEM : 0;
}
