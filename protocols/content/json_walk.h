/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON text in pieces in, values with their paths out (dialect.h: dialect_value); another text
 * may follow. Memory is fixed whatever the text: of a long string only the beginning is kept, and
 * its size is told; what has a path too long is parsed and not reported. That is why no library
 * does this here: those at hand hold a whole string before they show it.
 */
#ifndef PROTOCOLS_CONTENT_JSON_WALK_H
#define PROTOCOLS_CONTENT_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/dialect.h"

#define JSON_DEPTH 64
#define JSON_PATH 256

typedef void json_value_fn(void *context, const struct dialect_value *value);

struct json_level {
	bool is_array;
	uint16_t path_size; /* of the path to this container */
	uint32_t index;	    /* of the element at hand */
};

struct json_walk {
	json_value_fn *on_value;
	void *context;
	unsigned state;
	unsigned depth;
	unsigned after_escape; /* digits of \u still to come */
	bool is_key;
	bool after_gap; /* the containers around are not known */
	bool path_cut;
	bool has_key; /* outside all known containers: the value at hand is a member's */
	uint32_t code_unit;
	uint32_t text_size;
	uint64_t whole;
	uint16_t path_size;
	char path[JSON_PATH];
	struct json_level levels[JSON_DEPTH];
	char text[DIALECT_TEXT];
};

/* Ready for a text, also for another one. */
void json_walk_init(struct json_walk *walk, json_value_fn *on_value, void *context);

/* 0, or -EINVAL once the text is no JSON: what came before has been reported. */
int json_walk_feed(struct json_walk *walk, const void *bytes, size_t size);

/*
 * Bytes are missing. Goes on behind the next closing bracket; paths are then as if the innermost
 * container that is still open were the whole text, which for what closes a document it is.
 */
void json_walk_gap(struct json_walk *walk);

/* The text is over: a number at its very end is complete now. */
void json_walk_end(struct json_walk *walk);

/* Is what has been read whole? */
bool json_walk_done(const struct json_walk *walk);

#endif
