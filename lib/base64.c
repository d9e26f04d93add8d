/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base64.h"

void base64_put(struct buf *out, const void *bytes, size_t size)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *at = bytes;
	char *text = buf_reserve(out, (size + 2) / 3 * 4);

	if (!text)
		return;
	for (size_t i = 0; i < size; i += 3) {
		unsigned left = size - i < 3 ? (unsigned)(size - i) : 3;
		uint32_t group = (uint32_t)at[i] << 16;

		group |= left > 1 ? (uint32_t)at[i + 1] << 8 : 0;
		group |= left > 2 ? at[i + 2] : 0;
		*text++ = letters[group >> 18];
		*text++ = letters[group >> 12 & 63];
		*text++ = left > 1 ? letters[group >> 6 & 63] : '=';
		*text++ = left > 2 ? letters[group & 63] : '=';
	}
	out->size += (size + 2) / 3 * 4;
}
