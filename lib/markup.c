/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/markup.h"

void markup_text(struct buf *out, const char *text)
{
	for (; text && *text; text++) {
		unsigned char byte = (unsigned char)*text;

		switch (byte) {
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		default:
			buf_append(out, byte < 0x20 ? " " : text, 1);
		}
	}
}
