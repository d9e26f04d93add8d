/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/resp.h"

#include <string.h>

static bool parse_number(const char *text, size_t size, int64_t *number)
{
	bool negative = size && *text == '-';
	size_t at = negative;

	*number = 0;
	for (; at < size; at++) {
		if (text[at] < '0' || text[at] > '9' || *number > INT64_MAX / 16)
			return false;
		*number = *number * 10 + (text[at] - '0');
	}
	*number = negative ? -*number : *number;
	return size > negative;
}

/* What the outermost array holds, element by element. */
static void note_element(struct resp_reader *reader)
{
	if (reader->depth != 1)
		return;
	if (reader->index == 0 && reader->line[0] == ':') {
		reader->has_total = true;
		reader->total = reader->number;
	} else if (reader->index == 0 && reader->kept < sizeof(reader->word)) {
		memcpy(reader->word, reader->text, reader->kept);
		reader->word[reader->kept] = '\0';
	}
}

bool resp_value_is_over(struct resp_reader *reader)
{
	note_element(reader);
	while (reader->depth) {
		if (reader->depth == 1) {
			reader->index++;
			reader->found += !reader->text_is_null;
		}
		if (--reader->left[reader->depth - 1])
			return false;
		reader->depth--;
		reader->text_is_null = false; /* the array that ends here is a value */
	}
	reader->begun = false;
	return true;
}

static enum resp_step open_array(struct resp_reader *reader, char type, int64_t count)
{
	/* an attribute is not one of the values it stands among */
	if (type == '|' && reader->depth)
		reader->left[reader->depth - 1]++;
	if (count <= 0)
		return RESP_VALUE;
	if (reader->depth == RESP_DEPTH)
		return RESP_LOST;
	reader->left[reader->depth++] = (uint64_t)count;
	return RESP_MORE;
}

static void begin_value(struct resp_reader *reader, char type)
{
	reader->begun = true;
	reader->type = type;
	reader->index = reader->found = 0;
	reader->is_null = reader->text_is_null;
	reader->has_total = false;
	reader->word[0] = '\0';
}

static enum resp_step take_line(struct resp_reader *reader)
{
	char type = reader->line[0];
	const char *rest = reader->line + 1;
	size_t size = reader->line_size - 1u;
	bool is_number = parse_number(rest, size, &reader->number);

	reader->kept = 0;
	reader->text_is_null =
		type == '_' || ((type == '$' || type == '*') && is_number && reader->number < 0);
	if (!reader->begun)
		begin_value(reader, type);
	switch (type) {
	case '*':
	case '~':
	case '>':
		return is_number ? open_array(reader, type, reader->number) : RESP_LOST;
	case '%':
	case '|':
		return is_number && reader->number < INT32_MAX
			? open_array(reader, type, reader->number * 2)
			: RESP_LOST;
	case '$':
	case '=':
	case '!':
		if (!is_number)
			return RESP_LOST;
		if (reader->number < 0)
			return RESP_VALUE;
		reader->in_bulk = true;
		reader->bulk_size = (uint64_t)reader->number;
		reader->bulk_left = (uint64_t)reader->number + 2;
		return RESP_MORE;
	case '+':
	case '-':
	case ':':
	case ',':
	case '#':
	case '(':
	case '_':
		reader->kept = (uint32_t)size;
		memcpy(reader->text, rest, size);
		return RESP_VALUE;
	default:
		return RESP_LOST;
	}
}

static enum resp_step read_bulk(struct resp_reader *reader, const uint8_t **at, const uint8_t *end)
{
	size_t left = (size_t)(end - *at);
	size_t run = left < reader->bulk_left ? left : (size_t)reader->bulk_left;
	uint64_t seen = reader->bulk_size + 2 - reader->bulk_left;

	for (size_t i = 0; i < run && seen + i < reader->bulk_size && reader->kept == seen + i &&
		reader->kept < RESP_TEXT;
		i++)
		reader->text[reader->kept++] = (char)(*at)[i];
	for (uint64_t i = seen > reader->bulk_size ? 0 : reader->bulk_size - seen; i < run; i++) {
		if ((*at)[i] != (seen + i == reader->bulk_size ? '\r' : '\n'))
			return RESP_LOST;
	}
	*at += run;
	reader->bulk_left -= run;
	reader->in_bulk = reader->bulk_left != 0;
	return reader->in_bulk ? RESP_MORE : RESP_VALUE;
}

enum resp_step resp_read(struct resp_reader *reader, const uint8_t **at, const uint8_t *end)
{
	if (reader->in_bulk)
		return read_bulk(reader, at, end);
	while (*at < end) {
		char byte = (char)*(*at)++;
		enum resp_step step;

		if (byte != '\n') {
			/* of a long line its beginning, and its last byte for the line's end */
			if (reader->line_size == RESP_LINE)
				reader->line[RESP_LINE - 1] = byte;
			else
				reader->line[reader->line_size++] = byte;
			continue;
		}
		if (reader->line_size < 2 || reader->line[--reader->line_size] != '\r')
			return RESP_LOST;
		step = take_line(reader);
		reader->line_size = 0;
		return step;
	}
	return RESP_MORE;
}

enum resp_step resp_gap(struct resp_reader *reader, uint64_t size)
{
	if (!reader->in_bulk || size > reader->bulk_left)
		return RESP_LOST;
	reader->bulk_left -= size;
	reader->in_bulk = reader->bulk_left != 0;
	return reader->in_bulk ? RESP_MORE : RESP_VALUE;
}
