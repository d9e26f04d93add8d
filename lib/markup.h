/* SPDX-License-Identifier: Apache-2.0 */
/* Text as it stands in HTML and XML, between tags or in a quoted attribute. */
#ifndef LIB_MARKUP_H
#define LIB_MARKUP_H

#include "lib/buf.h"

/* Control bytes become spaces. NULL gives nothing. */
void markup_text(struct buf *out, const char *text);

#endif
