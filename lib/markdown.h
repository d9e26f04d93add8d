/* SPDX-License-Identifier: Apache-2.0 */
/* Text that is data, as Markdown: nothing in it is a mark of Markdown or HTML, nor a mention. */
#ifndef LIB_MARKDOWN_H
#define LIB_MARKDOWN_H

#include "lib/buf.h"

/* On one line. */
void markdown_text(struct buf *out, const char *text);

#endif
