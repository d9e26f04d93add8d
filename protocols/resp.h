/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RESP, Redis' framing: a value is a line, or a line and as many bytes, or a line and as many
 * values. One reader a direction; it keeps the beginning of each text and the shape of the whole.
 */
#ifndef PROTOCOLS_RESP_H
#define PROTOCOLS_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESP_LINE 256
#define RESP_TEXT 512
#define RESP_DEPTH 16

enum resp_step {
	RESP_MORE,
	RESP_VALUE, /* a line or a bulk is complete: its beginning is in text[] */
	RESP_LOST,  /* no RESP */
};

struct resp_reader {
	char line[RESP_LINE];
	uint16_t line_size;
	bool in_bulk;
	uint64_t bulk_left; /* with its line end */
	uint64_t bulk_size;
	uint32_t kept; /* of the text at hand, in text[] */
	char text[RESP_TEXT];
	bool text_is_null;
	int64_t number; /* of the line at hand */
	unsigned depth;
	uint64_t left[RESP_DEPTH]; /* values still due in each open array */
	/* of the whole value */
	bool begun;
	bool is_null;
	char type;	/* its first byte */
	uint64_t index; /* of the element at hand in the outermost array; in the end their count */
	uint64_t found; /* elements of it that are not null */
	bool has_total; /* its first element is this number */
	int64_t total;
	char word[16]; /* its first element, when it is a short text */
};

/* Reads up to the end of a line or bulk; `at` is moved behind what was read. */
enum resp_step resp_read(struct resp_reader *reader, const uint8_t **at, const uint8_t *end);

/* Bytes that nobody saw: harmless within a bulk. */
enum resp_step resp_gap(struct resp_reader *reader, uint64_t size);

/* After RESP_VALUE: true when that completes the outermost value. */
bool resp_value_is_over(struct resp_reader *reader);

#endif
