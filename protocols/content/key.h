/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of caches and stores. */
#ifndef PROTOCOLS_CONTENT_KEY_H
#define PROTOCOLS_CONTENT_KEY_H

#include <stddef.h>

#include "protocols/exchange.h"

/* "cache:alice:1234" is told as "cache:*:*", under ragtime.key_pattern. */
void key_pattern_put(struct exchange *exchange, const char *key, size_t size);

#endif
