/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing protobuf messages field by field, for formats of which we write a few fields only. A
 * message inside another is written into a buffer of its own first.
 */
#ifndef LIB_PB_H
#define LIB_PB_H

#include <string.h>

#include "lib/buf.h"
#include "lib/varint.h"

static inline void pb_raw(struct buf *out, uint64_t value)
{
	uint8_t bytes[VARINT_MAX];

	buf_append(out, bytes, (size_t)(varint_put(bytes, value) - bytes));
}

static inline void pb_number(struct buf *out, unsigned field, uint64_t value)
{
	pb_raw(out, (uint64_t)field << 3);
	pb_raw(out, value);
}

static inline void pb_double(struct buf *out, unsigned field, double value)
{
	uint64_t bits;
	uint8_t bytes[8];

	memcpy(&bits, &value, sizeof(bits));
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(bits >> 8 * i);
	pb_raw(out, (uint64_t)field << 3 | 1);
	buf_append(out, bytes, sizeof(bytes));
}

static inline void pb_bytes(struct buf *out, unsigned field, const void *bytes, size_t size)
{
	pb_raw(out, (uint64_t)field << 3 | 2);
	pb_raw(out, size);
	buf_append(out, bytes, size);
}

static inline void pb_text(struct buf *out, unsigned field, const char *text)
{
	pb_bytes(out, field, text, strlen(text));
}

/* The inner message is emptied for the next. */
static inline void pb_message(struct buf *out, unsigned field, struct buf *inner)
{
	pb_bytes(out, field, inner->data, inner->size);
	out->failed |= inner->failed;
	buf_clear(inner);
}

#endif
