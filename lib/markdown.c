/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/markdown.h"

#include <string.h>

void markdown_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '<')
			buf_puts(out, "&lt;");
		else if (byte == '&')
			buf_puts(out, "&amp;");
		else if (byte == '@')
			buf_puts(out, "&#64;");
		else if (byte < 0x20)
			buf_puts(out, " ");
		else if (strchr("\\`*_|[]#~!", byte))
			buf_printf(out, "\\%c", byte);
		else
			buf_append(out, text, 1);
	}
}
