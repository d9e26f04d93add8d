/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was said in an exchange, word for word: kept only where the user has asked for content, and
 * only the beginning of it. It leaves the parsers with its exchange and is wiped with it.
 */
#ifndef PROTOCOLS_SAID_H
#define PROTOCOLS_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct exchange;

enum said_part {
	SAID_REQUEST,	/* the request's body */
	SAID_ANSWER,	/* the answer's body; of a model's stream: its text */
	SAID_TOOLS,	/* the arguments of tools that a stream calls */
	SAID_STATEMENT, /* SQL, or a command's words */
	SAID_VALUES,	/* what was bound to the statement's parameters */
	SAID_PARTS
};

struct said {
	struct buf parts[SAID_PARTS];
	uint64_t cut; /* bytes that were too many */
};

/*
 * Adds a value to a part, as words are written in SQL: in quotes, a quote within it twice; what is
 * no text as hex digits, of a long one the first. `bytes` NULL: NULL.
 */
void exchange_say_value(
	struct exchange *exchange, enum said_part part, const void *bytes, size_t size);

/* Adds to a part; does nothing where content is not wanted. */
void exchange_say(struct exchange *exchange, enum said_part part, const void *bytes, size_t size);

/* Are they bytes that people can read? */
bool said_is_text(const void *bytes, size_t size);

void said_free(struct said *said);

#endif
