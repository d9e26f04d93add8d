/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has a text the form of JSON? It comes in pieces and is not kept: an object or an array is JSON,
 * also inside a fence of backquotes; what begins as one and is none is broken; all else is text.
 * Not here: values, which json_walk reports.
 */
#ifndef PROTOCOLS_CONTENT_JSON_FORM_H
#define PROTOCOLS_CONTENT_JSON_FORM_H

#include <stddef.h>
#include <stdint.h>

#define JSON_FORM_DEPTH 64

/* Zeroed at the beginning. */
struct json_form {
	uint64_t is_array; /* of each open container, the innermost lowest */
	uint8_t state, depth, fence;
};

void json_form_feed(struct json_form *form, const char *text, size_t size);

/* "json", "broken" or "text"; NULL where nothing has come. */
const char *json_form_name(const struct json_form *form);

#endif
