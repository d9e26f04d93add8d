/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/descriptor.h"

#include <stdlib.h>
#include <string.h>

#include "lib/map.h"

/* Descriptors below this are found without a search. */
#define DIRECT 256

struct place {
	uint32_t object;
	uint32_t block;	      /* the block it last changed in */
	uint32_t first, last; /* its changes there, once they are sorted */
	uint32_t stand_in[2];
};

struct descriptors {
	struct place *places;
	uint32_t count;
	uint32_t capacity;
	struct map others;	 /* key to index + 1 */
	uint32_t direct[DIRECT]; /* likewise */
};

struct descriptors *descriptors_new(void)
{
	return calloc(1, sizeof(struct descriptors));
}

void descriptors_free(struct descriptors *table)
{
	if (!table)
		return;
	map_free(&table->others);
	free(table->places);
	free(table);
}

static uint32_t index_of(const struct descriptors *table, uint64_t key)
{
	uint64_t *found;

	if (key < DIRECT)
		return table->direct[key];
	found = map_find(&table->others, key);
	return found ? (uint32_t)*found : 0;
}

/* The place of a key, made where it is new. NULL when memory is out. */
static struct place *place_for(struct descriptors *table, uint64_t key)
{
	uint32_t index = index_of(table, key);
	uint64_t *link;

	if (index)
		return &table->places[index - 1];
	if (table->count == table->capacity) {
		uint32_t capacity = table->capacity ? table->capacity * 2 : 16;
		struct place *more = realloc(table->places, capacity * sizeof(*more));

		if (!more)
			return NULL;
		table->places = more;
		table->capacity = capacity;
	}
	if (key < DIRECT) {
		table->direct[key] = table->count + 1;
	} else {
		link = map_at(&table->others, key);
		if (!link)
			return NULL;
		*link = table->count + 1;
	}
	table->places[table->count] = (struct place){0};
	return &table->places[table->count++];
}

/* Handles stay behind: what a library made belongs to its process image. */
struct descriptors *descriptors_copy(const struct descriptors *from)
{
	struct descriptors *copy = descriptors_new();

	for (uint64_t key = 0; copy && from && key < DIRECT; key++) {
		uint32_t index = from->direct[key];
		struct place *place = index ? place_for(copy, key) : NULL;

		if (place)
			place->object = from->places[index - 1].object;
	}
	for (size_t i = 0; copy && from && i < from->others.capacity; i++) {
		const struct map_entry *entry = &from->others.entries[i];
		struct place *place;

		if (!entry->used || entry->key >> 63)
			continue;
		place = place_for(copy, entry->key);
		if (place)
			place->object = from->places[entry->value - 1].object;
	}
	return copy;
}

void changes_free(struct changes *changes)
{
	free(changes->list);
	memset(changes, 0, sizeof(*changes));
}

void changes_start(struct changes *changes)
{
	changes->count = 0;
	changes->block++;
}

static void add(struct changes *changes, const struct change *change)
{
	if (changes->count == changes->capacity) {
		size_t capacity = changes->capacity ? changes->capacity * 2 : 256;
		struct change *more = realloc(changes->list, capacity * sizeof(*more));

		if (!more) {
			changes->failed = true;
			return;
		}
		changes->list = more;
		changes->capacity = capacity;
	}
	changes->list[changes->count] = *change;
	changes->list[changes->count].place = (uint32_t)changes->count;
	changes->count++;
}

void descriptors_set(struct changes *changes, struct descriptors *table, uint64_t key,
	struct instant when, uint32_t object)
{
	struct place *place = place_for(table, key);
	struct change change = {.when = when, .key = key, .table = table};

	if (!place) {
		changes->failed = true;
		return;
	}
	if (place->block != changes->block) {
		/* what it was when the block began */
		struct change before = {.key = key, .table = table, .object = place->object};

		add(changes, &before);
		place->block = changes->block;
	}
	place->object = object ? object : OBJECT_CLOSED;
	change.object = place->object;
	add(changes, &change);
}

static int by_key(const void *left, const void *right)
{
	const struct change *a = left, *b = right;

	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->place < b->place ? -1 : 1;
}

void changes_sort(struct changes *changes)
{
	struct place *place = NULL;

	if (changes->count)
		qsort(changes->list, changes->count, sizeof(*changes->list), by_key);
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->list[i];

		if (!i || change[-1].table != change->table || change[-1].key != change->key) {
			place = place_for(change->table, change->key);
			place->first = (uint32_t)i;
		}
		place->last = (uint32_t)i;
	}
}

uint32_t descriptors_now(const struct descriptors *table, uint64_t key)
{
	uint32_t index = index_of(table, key);

	return index ? table->places[index - 1].object : 0;
}

static bool is_before(const struct instant *a, const struct instant *b)
{
	return a->time < b->time || (a->time == b->time && a->order < b->order);
}

uint32_t descriptors_at(const struct changes *changes, const struct descriptors *table,
	uint64_t key, struct instant when)
{
	uint32_t index = index_of(table, key);
	const struct place *place = index ? &table->places[index - 1] : NULL;
	uint32_t low, high;

	if (!place)
		return 0;
	if (place->block != changes->block)
		return place->object;
	/* the last change before; the first entry is what was before the block */
	low = place->first;
	high = place->last;
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if (is_before(&changes->list[middle].when, &when))
			low = middle;
		else
			high = middle - 1;
	}
	return changes->list[low].object;
}

uint32_t *descriptors_stand_in(struct descriptors *table, uint64_t key, bool closed)
{
	struct place *place = place_for(table, key);

	return place ? &place->stand_in[closed] : NULL;
}
