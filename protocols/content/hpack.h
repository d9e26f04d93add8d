/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes HPACK off the header blocks of one direction of an HTTP/2 connection. What was inserted
 * into the table before the reader came, or in bytes it has missed, reads as HPACK_UNKNOWN: names
 * and values are right or unknown, never another header's.
 */
#ifndef PROTOCOLS_CONTENT_HPACK_H
#define PROTOCOLS_CONTENT_HPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name of a header that cannot be known. */
#define HPACK_UNKNOWN "?"

struct hpack;

typedef void hpack_field_fn(
	void *context, const char *name, size_t name_size, const char *value, size_t value_size);

/* is_first: no header block of this direction has been missed. NULL when memory is out. */
struct hpack *hpack_new(bool is_first);
void hpack_free(struct hpack *hpack);

/*
 * The next bytes of a block, in pieces of any size. -EINVAL once they make no sense: the rest of
 * the block is lost, and what its table held is forgotten.
 */
int hpack_feed(struct hpack *hpack, const uint8_t *bytes, size_t size, hpack_field_fn *field,
	void *context);

/* The block is complete. */
int hpack_end(struct hpack *hpack, hpack_field_fn *field, void *context);

/* Bytes of blocks are missing: everything known so far is forgotten. */
void hpack_lose(struct hpack *hpack);

/* Blocks mostly fail: this is no HPACK. */
bool hpack_is_hopeless(const struct hpack *hpack);

#endif
