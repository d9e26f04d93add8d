/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/serve.h"

#include <stdlib.h>

#include "lib/map.h"

/* Answers are told soon after they were written. */
#define WRITES 16384

struct write {
	uint64_t ticks, root;
	uint64_t before; /* of the same connection: its count; 0: none */
	uint32_t connection;
};

struct serves {
	struct write *writes; /* a ring; the one counted n is at n % WRITES */
	uint64_t count;
	struct map last; /* connection: count of its last write */
};

struct serves *serves_new(void)
{
	struct serves *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->writes = calloc(WRITES, sizeof(*all->writes));
	if (all->writes)
		return all;
	free(all);
	return NULL;
}

void serves_free(struct serves *all)
{
	if (!all)
		return;
	map_free(&all->last);
	free(all->writes);
	free(all);
}

/* NULL where it has made room for another. */
static const struct write *write_at(const struct serves *all, uint64_t number, uint32_t connection)
{
	const struct write *write = &all->writes[number % WRITES];

	if (!number || number + WRITES <= all->count || write->connection != connection)
		return NULL;
	return write;
}

void serves_wrote(struct serves *all, uint32_t connection, uint64_t ticks, uint64_t root)
{
	uint64_t *last = map_at(&all->last, connection);
	const struct write *before;

	if (!last)
		return;
	before = write_at(all, *last, connection);
	/* a long answer is many writes of one root */
	if (before && before->root == root)
		return;
	all->writes[++all->count % WRITES] = (struct write){
		.ticks = ticks, .root = root, .before = *last, .connection = connection};
	*last = all->count;
}

uint64_t serves_find(const struct serves *all, uint32_t connection, uint64_t begin, uint64_t end)
{
	uint64_t *last = map_find(&all->last, connection), root = 0;
	const struct write *write = last ? write_at(all, *last, connection) : NULL;

	for (; write && write->ticks >= begin; write = write_at(all, write->before, connection))
		if (!end || write->ticks <= end)
			root = write->root;
	return root;
}
