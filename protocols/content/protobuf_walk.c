/* SPDX-License-Identifier: Apache-2.0 */
/* The top level is read byte by byte, what is in a field out of its kept beginning. */
#include "protocols/content/protobuf_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cursor.h"

enum { WIRE_VARINT, WIRE_FIXED64, WIRE_BYTES, WIRE_FIXED32 = 5 };
enum part { AT_TAG, AT_VARINT, AT_LENGTH, AT_FIXED, AT_BYTES, AT_LOST };

#define FIELD_LIMIT (1u << 29)

void protobuf_walk_start(struct protobuf_walk *walk, protobuf_value_fn *value, void *context)
{
	walk->value = value;
	walk->context = context;
	walk->part = AT_TAG;
	walk->shift = 0;
	walk->number = 0;
	walk->kept = 0;
}

void protobuf_walk_free(struct protobuf_walk *walk)
{
	if (walk->bytes)
		explicit_bzero(walk->bytes, walk->room);
	free(walk->bytes);
	walk->bytes = NULL;
	walk->room = 0;
}

static void put_number(struct protobuf_walk *walk, int64_t number)
{
	struct dialect_value value = {
		.path = walk->path,
		.type = VALUE_INT,
		.number = number,
		.real = (double)number,
	};

	walk->value(walk->context, &value);
}

static void put_fixed(struct protobuf_walk *walk, const uint8_t *bytes, size_t size)
{
	struct dialect_value value = {.path = walk->path, .type = VALUE_DOUBLE};
	float small;

	if (size == sizeof(small)) {
		memcpy(&small, bytes, sizeof(small));
		value.real = (double)small;
	} else {
		memcpy(&value.real, bytes, sizeof(value.real));
	}
	walk->value(walk->context, &value);
}

static void put_bytes(struct protobuf_walk *walk, const uint8_t *bytes, size_t size, uint64_t whole)
{
	struct dialect_value value = {
		.path = walk->path,
		.type = VALUE_STRING,
		.text = size ? (const char *)bytes : "",
		.size = size < DIALECT_TEXT ? size : DIALECT_TEXT,
		.whole = whole,
	};

	walk->value(walk->context, &value);
}

static size_t fixed_size(unsigned wire)
{
	return wire == WIRE_FIXED64 ? 8 : wire == WIRE_FIXED32 ? 4 : 0;
}

struct item {
	uint32_t field;
	unsigned wire;
	uint64_t number;      /* the value, or the length of bytes */
	const uint8_t *bytes; /* of a fixed number, or bytes */
	size_t size;	      /* that are there: fewer than the length where the end is cut off */
};

/* The next field of a message; false at its end and where there is none. */
static bool next_item(struct cursor *cursor, struct item *item)
{
	uint64_t tag = cursor_varint(cursor);

	item->field = (uint32_t)(tag >> 3);
	item->wire = tag & 7;
	item->bytes = NULL;
	item->size = fixed_size(item->wire);
	cursor->bad |= !item->field || tag >> 3 >= FIELD_LIMIT;
	if (item->wire == WIRE_VARINT || item->wire == WIRE_BYTES)
		item->number = cursor_varint(cursor);
	else
		cursor->bad |= !item->size;
	if (item->wire == WIRE_BYTES && item->number > cursor_left(cursor))
		item->size = cursor_left(cursor);
	else if (item->wire == WIRE_BYTES)
		item->size = (size_t)item->number;
	if (item->wire != WIRE_VARINT)
		item->bytes = cursor_take(cursor, item->size);
	return !cursor->bad;
}

/* Are these bytes fields one after another? The end may be cut off only where we cut it. */
static bool is_message(const uint8_t *bytes, size_t size, bool is_cut)
{
	struct cursor cursor = cursor_over(size ? bytes : (const uint8_t *)"", size);
	struct item item;

	if (!size)
		return false;
	while (cursor_left(&cursor)) {
		if (!next_item(&cursor, &item))
			return is_cut && !cursor_left(&cursor);
		if (item.wire == WIRE_BYTES && item.number > item.size && !is_cut)
			return false;
	}
	return true;
}

/* Adds a field's number to the path; returns the path's size before. */
static size_t path_push(struct protobuf_walk *walk, size_t used, uint32_t field)
{
	return used +
		(size_t)snprintf(walk->path + used, sizeof(walk->path) - used, "%s%u",
			used ? "." : "", field);
}

static void put_message(struct protobuf_walk *walk, const uint8_t *bytes, size_t size, bool is_cut,
	size_t path_size, unsigned depth)
{
	struct cursor cursor = cursor_over(bytes, size);
	struct item item;

	while (cursor_left(&cursor) && next_item(&cursor, &item)) {
		size_t inner = path_push(walk, path_size, item.field);
		bool inner_cut = item.wire == WIRE_BYTES && item.number > item.size;

		if (item.wire == WIRE_VARINT)
			put_number(walk, (int64_t)item.number);
		else if (item.wire != WIRE_BYTES)
			put_fixed(walk, item.bytes, item.size);
		else
			put_bytes(walk, item.bytes, item.size, item.number);
		if (item.wire == WIRE_BYTES && depth + 1 < PROTOBUF_DEPTH &&
			(!inner_cut || is_cut) && is_message(item.bytes, item.size, inner_cut))
			put_message(walk, item.bytes, item.size, inner_cut, inner, depth + 1);
		walk->path[path_size] = '\0';
	}
}

/* A top-level field of bytes is complete, or its kept beginning is. */
static void end_bytes(struct protobuf_walk *walk)
{
	bool is_cut = walk->kept < walk->whole;
	size_t path_size = strlen(walk->path);

	put_bytes(walk, walk->bytes, walk->kept, walk->whole);
	if (is_message(walk->bytes, walk->kept, is_cut))
		put_message(walk, walk->bytes, walk->kept, is_cut, path_size, 1);
	walk->part = AT_TAG;
}

static void begin_bytes(struct protobuf_walk *walk, uint64_t size)
{
	size_t wanted = size < PROTOBUF_KEPT ? (size_t)size : PROTOBUF_KEPT;

	if (wanted > walk->room) {
		protobuf_walk_free(walk);
		walk->bytes = malloc(wanted);
		walk->room = walk->bytes ? wanted : 0;
	}
	if (wanted > walk->room) {
		walk->part = AT_LOST;
		return;
	}
	walk->left = walk->whole = size;
	walk->kept = 0;
	walk->part = walk->wire == WIRE_BYTES ? AT_BYTES : AT_FIXED;
	if (!size)
		end_bytes(walk);
}

static void take_tag(struct protobuf_walk *walk, uint64_t tag)
{
	walk->wire = tag & 7;
	if (!(tag >> 3) || tag >> 3 >= FIELD_LIMIT) {
		walk->part = AT_LOST;
		return;
	}
	path_push(walk, 0, (uint32_t)(tag >> 3));
	if (walk->wire == WIRE_VARINT)
		walk->part = AT_VARINT;
	else if (walk->wire == WIRE_BYTES)
		walk->part = AT_LENGTH;
	else if (fixed_size(walk->wire))
		begin_bytes(walk, fixed_size(walk->wire));
	else
		walk->part = AT_LOST;
}

static void take_varint_byte(struct protobuf_walk *walk, uint8_t byte)
{
	uint64_t number;

	walk->number |= (uint64_t)(byte & 0x7f) << walk->shift;
	walk->shift = (uint8_t)(walk->shift + 7);
	if (byte >= 0x80) {
		if (walk->shift >= 64)
			walk->part = AT_LOST;
		return;
	}
	number = walk->number;
	walk->number = 0;
	walk->shift = 0;
	if (walk->part == AT_TAG) {
		take_tag(walk, number);
	} else if (walk->part == AT_LENGTH) {
		begin_bytes(walk, number);
	} else {
		put_number(walk, (int64_t)number);
		walk->part = AT_TAG;
	}
}

static size_t take_bytes(struct protobuf_walk *walk, const uint8_t *bytes, size_t size)
{
	size_t keep = walk->room - walk->kept;

	size = size < walk->left ? size : (size_t)walk->left;
	keep = size < keep ? size : keep;
	memcpy(walk->bytes + walk->kept, bytes, keep);
	walk->kept += keep;
	walk->left -= size;
	if (!walk->left && walk->part == AT_FIXED) {
		put_fixed(walk, walk->bytes, walk->kept);
		walk->part = AT_TAG;
	} else if (!walk->left) {
		end_bytes(walk);
	}
	return size;
}

void protobuf_walk_feed(struct protobuf_walk *walk, const uint8_t *bytes, size_t size)
{
	while (size && walk->part != AT_LOST) {
		size_t used = 1;

		if (walk->part == AT_BYTES || walk->part == AT_FIXED)
			used = take_bytes(walk, bytes, size);
		else
			take_varint_byte(walk, *bytes);
		bytes += used;
		size -= used;
	}
}
