/* SPDX-License-Identifier: Apache-2.0 */
/* BSON, element by element, within its bounds. Nothing is copied. */
#ifndef PROTOCOLS_CONTENT_BSON_H
#define PROTOCOLS_CONTENT_BSON_H

#include "lib/cursor.h"

enum bson_type {
	BSON_DOUBLE = 0x01,
	BSON_STRING = 0x02,
	BSON_DOCUMENT = 0x03,
	BSON_ARRAY = 0x04,
	BSON_BOOL = 0x08,
	BSON_INT32 = 0x10,
	BSON_INT64 = 0x12,
};

struct bson_element {
	uint8_t type;
	const char *name; /* of name_size bytes */
	size_t name_size;
	const uint8_t *value; /* what follows a string's size; all of a document */
	size_t size;	      /* without a string's NUL */
};

/* Over a document's elements; `cursor` is moved behind the document. A cut one gives what is there.
 */
struct cursor bson_open(struct cursor *cursor);

/* False at the end, or where it goes wrong. */
bool bson_next(struct cursor *elements, struct bson_element *element);

bool bson_is(const struct bson_element *element, const char *name);
struct cursor bson_inside(const struct bson_element *element);

/* Of any numeric type; false for others. */
bool bson_number(const struct bson_element *element, int64_t *number);

#endif
