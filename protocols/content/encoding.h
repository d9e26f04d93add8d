/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes a content encoding off a body that comes in pieces: gzip, deflate, br, zstd; and off the
 * messages of a WebSocket: permessage-deflate.
 */
#ifndef PROTOCOLS_CONTENT_ENCODING_H
#define PROTOCOLS_CONTENT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct encoding;

/* Decoded bytes of one body beyond these are not looked at: a small body may claim to be huge. */
#define ENCODING_MAX (256u << 20)

typedef void encoding_fn(void *context, const uint8_t *bytes, size_t size);

/* NULL for identity, an unknown name, or when memory is out. */
struct encoding *encoding_new(const char *name);
void encoding_free(struct encoding *encoding);

/* 0, or -EINVAL once the body is not what it claims to be. */
int encoding_feed(struct encoding *encoding, const uint8_t *bytes, size_t size, encoding_fn *out,
	void *context);

/*
 * Of permessage-deflate: a message is over, what is left of it comes out. keeps_window: the next
 * one may refer to it. 0 or -EINVAL.
 */
int encoding_message_end(
	struct encoding *encoding, bool keeps_window, encoding_fn *out, void *context);

#endif
