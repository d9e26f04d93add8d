/* SPDX-License-Identifier: Apache-2.0 */
/* BSON as JSON text, for who wants what is said; what is no text and no number only by its size. */
#ifndef PROTOCOLS_CONTENT_BSON_SAID_H
#define PROTOCOLS_CONTENT_BSON_SAID_H

#include "protocols/content/bson.h"
#include "protocols/exchange.h"

/* Of an opened document. Does nothing where content is not wanted. */
void bson_say(struct exchange *exchange, enum said_part part, struct cursor elements);

#endif
