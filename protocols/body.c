/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/body.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 1024u
#define ROOM_IDLE (16u << 10)

void body_free(struct body *body)
{
	if (body->bytes)
		explicit_bzero(body->bytes, body->room);
	free(body->bytes);
	body->bytes = NULL;
	body->room = body->kept = 0;
}

void body_trim(struct body *body)
{
	if (body->room > ROOM_IDLE)
		body_free(body);
}

void body_open(struct body *body, uint64_t size, size_t wanted)
{
	body->left = size;
	body->wanted = wanted < size ? wanted : (size_t)size;
	body->kept = 0;
	body->hole = false;
}

static bool has_room(struct body *body)
{
	size_t room = body->wanted < ROOM_LEAST ? ROOM_LEAST : body->wanted;

	if (body->room >= body->wanted)
		return true;
	body_free(body);
	body->bytes = malloc(room);
	body->room = body->bytes ? room : 0;
	return body->bytes != NULL;
}

size_t body_feed(struct body *body, const uint8_t *bytes, size_t size)
{
	size_t taken = size < body->left ? size : (size_t)body->left;
	size_t kept = body->wanted - body->kept;

	body->left -= taken;
	kept = kept < taken ? kept : taken;
	if (kept && !body->hole && has_room(body)) {
		memcpy(body->bytes + body->kept, bytes, kept);
		body->kept += kept;
	} else if (kept) {
		body->hole = true;
	}
	return taken;
}

bool body_gap(struct body *body, uint64_t size)
{
	if (size > body->left)
		return false;
	body->left -= size;
	body->hole = true;
	return true;
}

struct cursor body_cursor(const struct body *body)
{
	return cursor_over(body->kept ? body->bytes : (const uint8_t *)"", body->kept);
}
