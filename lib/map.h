/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from 64-bit keys to 64-bit values: open addressing, grows by itself. */
#ifndef LIB_MAP_H
#define LIB_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map {
	struct map_entry {
		uint64_t key;
		uint64_t value;
		uint64_t used;
	} * entries;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

void map_free(struct map *map);

/* The value's place, made with the value 0 where the key is new; NULL when memory is out. Valid
 * until the next call. */
uint64_t *map_at(struct map *map, uint64_t key);

/* The value's place, or NULL. */
uint64_t *map_find(const struct map *map, uint64_t key);

void map_remove(struct map *map, uint64_t key);

#endif
