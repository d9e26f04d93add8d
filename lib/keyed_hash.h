/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A keyed hash (SipHash-2-4): equal bytes give equal numbers under one key, and without the key a
 * number tells nothing of the bytes.
 */
#ifndef LIB_KEYED_HASH_H
#define LIB_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

struct keyed_hash {
	uint64_t key[2];
};

uint64_t keyed_hash(const struct keyed_hash *key, const void *bytes, size_t size);

#endif
