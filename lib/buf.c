/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a sticky failure. */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
	buf->size = 0;
	buf->failed = false;
}

void *buf_reserve(struct buf *buf, size_t extra)
{
	size_t capacity = buf->capacity ? buf->capacity : 256;
	uint8_t *data;

	if (buf->failed)
		return NULL;
	if (buf->data && extra <= buf->capacity - buf->size)
		return buf->data + buf->size;
	while (capacity - buf->size < extra && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	data = capacity - buf->size < extra ? NULL : realloc(buf->data, capacity);
	if (!data) {
		buf->failed = true;
		return NULL;
	}
	buf->data = data;
	buf->capacity = capacity;
	return data + buf->size;
}

void buf_append(struct buf *buf, const void *bytes, size_t size)
{
	void *place = buf_reserve(buf, size);

	if (!place)
		return;
	if (size)
		memcpy(place, bytes, size);
	buf->size += size;
}

void buf_puts(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;
	int wanted;
	char *place;

	va_start(args, format);
	va_copy(again, args);
	wanted = vsnprintf(NULL, 0, format, args);
	va_end(args);
	place = wanted < 0 ? NULL : buf_reserve(buf, (size_t)wanted + 1);
	if (place) {
		vsnprintf(place, (size_t)wanted + 1, format, again);
		buf->size += wanted;
	}
	va_end(again);
}

const char *buf_string(struct buf *buf)
{
	char *end = buf_reserve(buf, 1);

	if (!end)
		return "";
	*end = '\0';
	return (const char *)buf->data;
}
