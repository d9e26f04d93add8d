/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/content/bson_said.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MOST 16

enum { BSON_OBJECT_ID = 0x07, BSON_NULL = 0x0a };

struct speech {
	struct exchange *exchange;
	enum said_part part;
	unsigned depth;
};

static void say(const struct speech *speech, const char *text)
{
	exchange_say(speech->exchange, speech->part, text, strlen(text));
}

static bool is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte != '"' && byte != '\\';
}

static void say_text(const struct speech *speech, const void *text, size_t size)
{
	const uint8_t *at = text, *end = at + size;
	char escape[8];

	say(speech, "\"");
	while (at < end) {
		const uint8_t *stop = at;

		while (stop < end && is_plain(*stop))
			stop++;
		exchange_say(speech->exchange, speech->part, at, (size_t)(stop - at));
		if (stop < end) {
			snprintf(escape, sizeof(escape), "\\u%04x", *stop++);
			say(speech, escape);
		}
		at = stop;
	}
	say(speech, "\"");
}

static void say_number(const struct speech *speech, const struct bson_element *element)
{
	int64_t number = 0;
	char text[32];
	double real;

	if (element->type == BSON_DOUBLE) {
		memcpy(&real, element->value, sizeof(real));
		snprintf(text, sizeof(text), "%.15g", real);
	} else {
		bson_number(element, &number);
		snprintf(text, sizeof(text), "%lld", (long long)number);
	}
	say(speech, text);
}

/* Of an object's id the digits. */
static void say_other(const struct speech *speech, const struct bson_element *element)
{
	char text[32];

	if (element->type != BSON_OBJECT_ID) {
		snprintf(text, sizeof(text), "\"<%zu bytes>\"", element->size);
		say(speech, text);
		return;
	}
	say(speech, "\"");
	for (size_t i = 0; i < element->size; i++) {
		snprintf(text, sizeof(text), "%02x", element->value[i]);
		say(speech, text);
	}
	say(speech, "\"");
}

static void say_document(struct speech *speech, struct cursor elements, bool is_array);

static void say_value(struct speech *speech, const struct bson_element *element)
{
	switch (element->type) {
	case BSON_DOCUMENT:
	case BSON_ARRAY:
		say_document(speech, bson_inside(element), element->type == BSON_ARRAY);
		break;
	case BSON_STRING:
		say_text(speech, element->value, element->size);
		break;
	case BSON_BOOL:
		say(speech, element->size && *element->value ? "true" : "false");
		break;
	case BSON_NULL:
		say(speech, "null");
		break;
	case BSON_DOUBLE:
	case BSON_INT32:
	case BSON_INT64:
		say_number(speech, element);
		break;
	default:
		say_other(speech, element);
	}
}

static void say_document(struct speech *speech, struct cursor elements, bool is_array)
{
	struct bson_element element;
	bool is_first = true;

	if (speech->depth == DEPTH_MOST) {
		say(speech, "\"...\"");
		return;
	}
	speech->depth++;
	say(speech, is_array ? "[" : "{");
	while (bson_next(&elements, &element)) {
		say(speech, is_first ? "" : ", ");
		is_first = false;
		if (!is_array) {
			say_text(speech, element.name, element.name_size);
			say(speech, ": ");
		}
		say_value(speech, &element);
	}
	say(speech, is_array ? "]" : "}");
	speech->depth--;
}

void bson_say(struct exchange *exchange, enum said_part part, struct cursor elements)
{
	struct speech speech = {.exchange = exchange, .part = part};

	if (exchange && exchange->host->keeps_content)
		say_document(&speech, elements, false);
}
