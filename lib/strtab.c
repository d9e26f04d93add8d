/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings: bytes in one growing pool, found through a chained hash of their numbers. */
#include "lib/strtab.h"

#include <stdlib.h>
#include <string.h>

struct text {
	size_t offset;
	uint32_t size;
	uint32_t next; /* of the same bucket; 0 ends the chain */
};

struct strtab {
	char *pool;
	size_t pool_used;
	size_t pool_capacity;
	struct text *texts;
	uint32_t count;
	uint32_t capacity;
	uint32_t *buckets;
	uint32_t bucket_count; /* a power of two */
};

static uint32_t hash_of(const uint8_t *bytes, size_t size)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash ^ hash >> 15;
}

struct strtab *strtab_new(void)
{
	struct strtab *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->bucket_count = 64;
	table->capacity = 64;
	table->pool_capacity = 4096;
	table->buckets = calloc(table->bucket_count, sizeof(*table->buckets));
	table->texts = calloc(table->capacity, sizeof(*table->texts));
	table->pool = malloc(table->pool_capacity);
	if (!table->buckets || !table->texts || !table->pool) {
		strtab_free(table);
		return NULL;
	}
	strtab_clear(table);
	return table;
}

void strtab_free(struct strtab *table)
{
	if (!table)
		return;
	free(table->pool);
	free(table->texts);
	free(table->buckets);
	free(table);
}

void strtab_clear(struct strtab *table)
{
	memset(table->buckets, 0, table->bucket_count * sizeof(*table->buckets));
	table->pool[0] = '\0';
	table->pool_used = 1;
	table->texts[0] = (struct text){0};
	table->count = 1;
}

static void rehash(struct strtab *table)
{
	uint32_t count = table->bucket_count * 2;
	uint32_t *buckets = calloc(count, sizeof(*buckets));

	if (!buckets)
		return; /* longer chains, nothing worse */
	for (uint32_t i = 1; i < table->count; i++) {
		struct text *text = &table->texts[i];
		uint32_t *bucket =
			&buckets[hash_of((uint8_t *)table->pool + text->offset, text->size) &
				(count - 1)];

		text->next = *bucket;
		*bucket = i;
	}
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = count;
}

static int make_room(struct strtab *table, size_t size)
{
	if (table->count == table->capacity) {
		struct text *texts = realloc(table->texts, table->capacity * 2 * sizeof(*texts));

		if (!texts)
			return -1;
		table->texts = texts;
		table->capacity *= 2;
	}
	if (table->pool_capacity - table->pool_used <= size) {
		size_t capacity = (table->pool_capacity + size) * 2;
		char *pool = realloc(table->pool, capacity);

		if (!pool)
			return -1;
		table->pool = pool;
		table->pool_capacity = capacity;
	}
	return 0;
}

uint32_t strtab_add(struct strtab *table, const void *bytes, size_t size)
{
	uint32_t hash = hash_of(bytes, size);
	uint32_t *bucket = &table->buckets[hash & (table->bucket_count - 1)];
	struct text *text;

	if (!size || size > UINT32_MAX)
		return 0;
	for (uint32_t i = *bucket; i; i = table->texts[i].next) {
		text = &table->texts[i];
		if (text->size == size && !memcmp(table->pool + text->offset, bytes, size))
			return i;
	}
	if (table->count > table->bucket_count) {
		rehash(table);
		bucket = &table->buckets[hash & (table->bucket_count - 1)];
	}
	if (make_room(table, size))
		return 0;
	text = &table->texts[table->count];
	*text = (struct text){.offset = table->pool_used, .size = (uint32_t)size, .next = *bucket};
	memcpy(table->pool + text->offset, bytes, size);
	table->pool[text->offset + size] = '\0';
	table->pool_used += size + 1;
	*bucket = table->count;
	return table->count++;
}

uint32_t strtab_adds(struct strtab *table, const char *text)
{
	return strtab_add(table, text, strlen(text));
}

uint32_t strtab_count(const struct strtab *table)
{
	return table->count;
}

const char *strtab_get(const struct strtab *table, uint32_t number)
{
	return number < table->count ? table->pool + table->texts[number].offset : "";
}

size_t strtab_size(const struct strtab *table, uint32_t number)
{
	return number < table->count ? table->texts[number].size : 0;
}
