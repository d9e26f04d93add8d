/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pool.h"

#include <stdint.h>
#include <stdlib.h>

#define CHUNK_SIZE (256u << 10)
#define ALIGN 16

struct pool_chunk {
	struct pool_chunk *next;
	size_t size;
	size_t used;
	_Alignas(ALIGN) uint8_t bytes[];
};

static struct pool_chunk *add_chunk(struct pool *pool, size_t need)
{
	size_t size = need > CHUNK_SIZE ? need : CHUNK_SIZE;
	struct pool_chunk *chunk = malloc(sizeof(*chunk) + size);

	if (!chunk)
		return NULL;
	*chunk = (struct pool_chunk){.next = pool->chunks, .size = size};
	pool->chunks = chunk;
	return chunk;
}

void *pool_alloc(struct pool *pool, size_t size)
{
	struct pool_chunk *chunk = pool->chunks;
	size_t need = (size + 1 + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	uint8_t *bytes;

	if (need <= size || need > pool->limit - pool->used)
		return NULL;
	if (!chunk || chunk->size - chunk->used < need)
		chunk = add_chunk(pool, need);
	if (!chunk)
		return NULL;
	bytes = chunk->bytes + chunk->used;
	bytes[size] = 0;
	chunk->used += need;
	pool->used += need;
	return bytes;
}

/* The newest chunk stays: mostly the only one. */
void pool_reset(struct pool *pool)
{
	struct pool_chunk *kept = pool->chunks;

	if (kept) {
		struct pool rest = {.chunks = kept->next};

		pool_free(&rest);
		kept->next = NULL;
		kept->used = 0;
	}
	pool->used = 0;
}

void pool_free(struct pool *pool)
{
	while (pool->chunks) {
		struct pool_chunk *next = pool->chunks->next;

		free(pool->chunks);
		pool->chunks = next;
	}
	pool->used = 0;
}
