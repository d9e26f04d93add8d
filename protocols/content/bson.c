/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/content/bson.h"

#include <string.h>

struct cursor bson_open(struct cursor *cursor)
{
	struct cursor peek = *cursor;
	uint32_t size = cursor_le32(&peek);
	size_t left = cursor_left(cursor);
	struct cursor elements = peek;

	if (peek.bad || size < 5) {
		cursor->bad = true;
		cursor->at = cursor->end;
		return cursor_over(cursor->end, 0);
	}
	if (size <= left)
		elements.end = cursor->at + size;
	cursor_take(cursor, size);
	return elements;
}

static size_t text_size(const struct cursor *cursor)
{
	const uint8_t *end = memchr(cursor->at, 0, cursor_left(cursor));

	return end ? (size_t)(end - cursor->at) : cursor_left(cursor);
}

/* How many bytes the value takes; moves behind the size that stands before it. */
static size_t value_size(struct cursor *cursor, uint8_t type)
{
	struct cursor peek = *cursor;
	size_t size;

	switch (type) {
	case BSON_DOUBLE:
	case 0x09:
	case 0x11:
	case BSON_INT64:
		return 8;
	case BSON_STRING:
	case 0x0d:
	case 0x0e:
		return cursor_le32(cursor);
	case BSON_DOCUMENT:
	case BSON_ARRAY:
	case 0x0f:
		return cursor_le32(&peek);
	case 0x05:
		size = cursor_le32(cursor);
		return size + 1;
	case 0x07:
		return 12;
	case BSON_BOOL:
		return 1;
	case 0x0b:
		size = text_size(&peek) + 1;
		cursor_take(&peek, size);
		return size + text_size(&peek) + 1;
	case 0x0c:
		size = cursor_le32(cursor);
		return size + 12;
	case BSON_INT32:
		return 4;
	case 0x13:
		return 16;
	case 0x06:
	case 0x0a:
	case 0x7f:
	case 0xff:
		return 0;
	default:
		cursor->bad = true;
		return 0;
	}
}

bool bson_next(struct cursor *elements, struct bson_element *element)
{
	element->type = cursor_u8(elements);
	if (!element->type)
		return false;
	element->name = (const char *)elements->at;
	element->name_size = text_size(elements);
	cursor_take(elements, element->name_size + 1);
	element->size = value_size(elements, element->type);
	if (elements->bad)
		return false;
	element->value = elements->at;
	if (element->size > cursor_left(elements)) {
		/* cut: a document tells what there is of it */
		element->size = cursor_left(elements);
		elements->at = elements->end;
		return element->type == BSON_DOCUMENT || element->type == BSON_ARRAY;
	}
	cursor_take(elements, element->size);
	if (element->type == BSON_STRING && element->size)
		element->size--;
	return true;
}

bool bson_is(const struct bson_element *element, const char *name)
{
	return element->name_size == strlen(name) &&
		!memcmp(element->name, name, element->name_size);
}

struct cursor bson_inside(const struct bson_element *element)
{
	struct cursor cursor = cursor_over(element->value, element->size);

	return bson_open(&cursor);
}

bool bson_number(const struct bson_element *element, int64_t *number)
{
	struct cursor cursor = cursor_over(element->value, element->size);
	double real;

	switch (element->type) {
	case BSON_INT32:
		*number = (int32_t)cursor_le32(&cursor);
		return true;
	case BSON_INT64:
		*number = (int64_t)cursor_le64(&cursor);
		return true;
	case BSON_BOOL:
		*number = cursor_u8(&cursor);
		return true;
	case BSON_DOUBLE:
		memcpy(&real, element->value, sizeof(real));
		*number = real > -1e15 && real < 1e15 ? (int64_t)real : 0;
		return true;
	}
	return false;
}
