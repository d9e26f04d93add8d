/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the user's that say which protocol a server speaks: "[ADDRESS:]PORT=PROTOCOL". */
#ifndef LOADER_STREAM_FORCED_H
#define LOADER_STREAM_FORCED_H

#include <stdbool.h>
#include <stdint.h>

struct protocol;

/* Why the text is no rule, or NULL. */
const char *forced_fault(const char *rule);

/*
 * The first of the rules (all without fault, ends with NULL; NULL for none) that fits the server.
 * False where none does. protocol: NULL where the connection shall not be read.
 */
bool forced_find(
	char *const *rules, const char *address, uint16_t port, const struct protocol **protocol);

#endif
