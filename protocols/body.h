/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a message whose size is known from its head: passed over, with as much of its
 * beginning kept as the parser wants. What was kept is wiped before it is freed.
 */
#ifndef PROTOCOLS_BODY_H
#define PROTOCOLS_BODY_H

#include "lib/cursor.h"

struct body {
	uint64_t left; /* bytes still to come */
	size_t wanted;
	size_t kept;
	size_t room;
	uint8_t *bytes;
	bool hole; /* what is behind it is not kept */
};

void body_open(struct body *body, uint64_t size, size_t wanted);

/* How many of these bytes it takes. */
size_t body_feed(struct body *body, const uint8_t *bytes, size_t size);

/* Bytes that nobody saw; false when they are more than are left. */
bool body_gap(struct body *body, uint64_t size);

/* Over what was kept; never NULL. */
struct cursor body_cursor(const struct body *body);

/* Frees room that only a long message needed. */
void body_trim(struct body *body);
void body_free(struct body *body);

#endif
