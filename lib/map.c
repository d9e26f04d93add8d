/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; removal shifts back what follows, so there are no
 * tombstones. */
#include "lib/map.h"

#include <stdlib.h>

static size_t slot_of(const struct map *map, uint64_t key)
{
	uint64_t mixed = key * 0x9e3779b97f4a7c15ull;

	return (size_t)(mixed ^ mixed >> 32) & (map->capacity - 1);
}

void map_free(struct map *map)
{
	free(map->entries);
	*map = (struct map){0};
}

static struct map_entry *probe(const struct map *map, uint64_t key)
{
	size_t at = slot_of(map, key);

	while (map->entries[at].used && map->entries[at].key != key)
		at = (at + 1) & (map->capacity - 1);
	return &map->entries[at];
}

static int grow(struct map *map)
{
	struct map bigger = {.capacity = map->capacity ? map->capacity * 2 : 16};

	bigger.entries = calloc(bigger.capacity, sizeof(*bigger.entries));
	if (!bigger.entries)
		return -1;
	for (size_t i = 0; i < map->capacity; i++) {
		if (map->entries[i].used)
			*probe(&bigger, map->entries[i].key) = map->entries[i];
	}
	bigger.count = map->count;
	free(map->entries);
	*map = bigger;
	return 0;
}

uint64_t *map_at(struct map *map, uint64_t key)
{
	struct map_entry *entry;

	if (map->count * 4 >= map->capacity * 3 && grow(map))
		return NULL;
	entry = probe(map, key);
	if (!entry->used) {
		*entry = (struct map_entry){.key = key, .used = 1};
		map->count++;
	}
	return &entry->value;
}

uint64_t *map_find(const struct map *map, uint64_t key)
{
	struct map_entry *entry;

	if (!map->count)
		return NULL;
	entry = probe(map, key);
	return entry->used ? &entry->value : NULL;
}

void map_remove(struct map *map, uint64_t key)
{
	struct map_entry *hole = map->count ? probe(map, key) : NULL;
	size_t mask = map->capacity - 1;
	size_t at;

	if (!hole || !hole->used)
		return;
	at = (size_t)(hole - map->entries);
	map->count--;
	for (size_t next = (at + 1) & mask; map->entries[next].used; next = (next + 1) & mask) {
		size_t home = slot_of(map, map->entries[next].key);

		if (((next - home) & mask) < ((next - at) & mask))
			continue;
		map->entries[at] = map->entries[next];
		at = next;
	}
	map->entries[at].used = 0;
}
