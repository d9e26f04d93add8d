/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer. Allocation failure is sticky: later calls do nothing and buf.failed says
 * so, so that a run of appends is checked once at its end.
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t size;
	size_t capacity;
	bool failed;
};

void buf_free(struct buf *buf);
void buf_clear(struct buf *buf);

/* Room for `extra` more bytes; the place to write them, or NULL. Does not change the size. */
void *buf_reserve(struct buf *buf, size_t extra);

void buf_append(struct buf *buf, const void *bytes, size_t size);
void buf_puts(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The content as a string: a NUL is kept after it, not counted. Never NULL. */
const char *buf_string(struct buf *buf);

#endif
