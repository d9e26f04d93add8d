/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading bytes that nobody vouches for. Every read is checked; after the first that does not fit
 * the cursor is bad, all further reads give zero, and the caller asks once at the end.
 */
#ifndef LIB_CURSOR_H
#define LIB_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

static inline struct cursor cursor_over(const void *bytes, size_t size)
{
	return (struct cursor){.at = bytes, .end = (const uint8_t *)bytes + size};
}

static inline size_t cursor_left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

/* The next `size` bytes, or NULL. */
static inline const uint8_t *cursor_take(struct cursor *cursor, size_t size)
{
	const uint8_t *bytes = cursor->at;

	if (cursor_left(cursor) < size) {
		cursor->bad = true;
		cursor->at = cursor->end;
		return NULL;
	}
	cursor->at += size;
	return bytes;
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
	const uint8_t *bytes = cursor_take(cursor, 1);

	return bytes ? *bytes : 0;
}

#define CURSOR_NUMBER(name, type)                                         \
	static inline type cursor_##name(struct cursor *cursor)           \
	{                                                                 \
		const uint8_t *bytes = cursor_take(cursor, sizeof(type)); \
		type value = 0;                                           \
                                                                          \
		if (bytes)                                                \
			memcpy(&value, bytes, sizeof(value));             \
		return value;                                             \
	}

CURSOR_NUMBER(le16, uint16_t)
CURSOR_NUMBER(le32, uint32_t)
CURSOR_NUMBER(le64, uint64_t)

#undef CURSOR_NUMBER

/* A protobuf varint of at most ten bytes. */
static inline uint64_t cursor_varint(struct cursor *cursor)
{
	uint64_t value = 0;

	if (cursor->at < cursor->end && *cursor->at < 0x80)
		return *cursor->at++;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = cursor_u8(cursor);

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	cursor->bad = true;
	cursor->at = cursor->end;
	return 0;
}

#endif
