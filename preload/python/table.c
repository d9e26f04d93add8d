/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing; a place that is emptied is filled up from behind, so that none is ever dead. */
#include "preload/python/table.h"

#include <sys/mman.h>

#define CAPACITY_FIRST 1024

static size_t start_of(const struct py_table *table, uintptr_t key)
{
	return (key >> 4) * 0x9e3779b97f4a7c15ull >> 20 & (table->capacity - 1);
}

static size_t next_of(const struct py_table *table, size_t at)
{
	return (at + 1) & (table->capacity - 1);
}

struct py_place *py_table_find(const struct py_table *table, uintptr_t key)
{
	if (!table->capacity)
		return NULL;
	for (size_t at = start_of(table, key); table->places[at].key; at = next_of(table, at))
		if (table->places[at].key == key)
			return &table->places[at];
	return NULL;
}

static struct py_place *place_for(const struct py_table *table, uintptr_t key)
{
	size_t at = start_of(table, key);

	while (table->places[at].key && table->places[at].key != key)
		at = next_of(table, at);
	return &table->places[at];
}

static bool grow(struct py_table *table)
{
	struct py_table bigger = {
		.capacity = table->capacity ? table->capacity * 2 : CAPACITY_FIRST};
	long at = raw6(mmap, 0, bigger.capacity * sizeof(*bigger.places), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at < 0 && at > -4096)
		return false;
	bigger.places = (struct py_place *)at;
	bigger.count = table->count;
	for (size_t i = 0; i < table->capacity; i++)
		if (table->places[i].key)
			*place_for(&bigger, table->places[i].key) = table->places[i];
	if (table->capacity)
		raw2(munmap, table->places, table->capacity * sizeof(*table->places));
	*table = bigger;
	return true;
}

bool py_table_put(struct py_table *table, uintptr_t key, __u64 span, void *of)
{
	struct py_place *place;

	if (table->count * 2 >= table->capacity && !grow(table))
		return false;
	place = place_for(table, key);
	table->count += !place->key;
	*place = (struct py_place){key, span, of};
	return true;
}

void py_table_clear(struct py_table *table)
{
	if (table->count)
		memset(table->places, 0, table->capacity * sizeof(*table->places));
	table->count = 0;
}

void py_table_remove(struct py_table *table, struct py_place *place)
{
	size_t hole = (size_t)(place - table->places), at = hole;

	table->count--;
	for (;;) {
		size_t start;

		at = next_of(table, at);
		if (!table->places[at].key)
			break;
		start = start_of(table, table->places[at].key);
		/* may it move into the hole: does its search pass by there? */
		if (((at - start) & (table->capacity - 1)) >=
			((at - hole) & (table->capacity - 1))) {
			table->places[hole] = table->places[at];
			hole = at;
		}
	}
	table->places[hole].key = 0;
}
