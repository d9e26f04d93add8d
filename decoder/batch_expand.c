/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/batch_expand.h"

#include <stdint.h>
#include <string.h>

/* Who has more facts shares none. */
#define SHARED_MAX 64

/* The facts of one exchange as they stand in the Batch: those of each are together. */
struct own {
	size_t first, count;
};

static void expand_moment(uint64_t *ticks, uint64_t after, uint64_t begin)
{
	if (after)
		*ticks = begin + after - 1;
}

static void expand_moments(Ragtime__Raw__Exchange *exchange)
{
	uint64_t begin = exchange->begin_ticks;

	expand_moment(&exchange->request_end_ticks, exchange->request_end_after, begin);
	expand_moment(&exchange->first_byte_ticks, exchange->first_byte_after, begin);
	expand_moment(&exchange->first_chunk_ticks, exchange->first_chunk_after, begin);
	expand_moment(&exchange->first_token_ticks, exchange->first_token_after, begin);
	expand_moment(&exchange->last_token_ticks, exchange->last_token_after, begin);
	expand_moment(&exchange->end_ticks, exchange->end_after, begin);
}

/* The exchange whose facts are this one's too: an earlier one that is like none itself. */
static const struct own *model_of(
	const Ragtime__Raw__Batch *batch, const struct own *owns, size_t index)
{
	static const struct own none;
	uint32_t like = batch->exchanges[index]->like;

	if (!like || like > index || batch->exchanges[like - 1]->like ||
		owns[like - 1].count > SHARED_MAX || owns[index].count > SHARED_MAX)
		return &none;
	return &owns[like - 1];
}

static Ragtime__Raw__Fact *find(
	const Ragtime__Raw__Batch *batch, const struct own *own, uint32_t key)
{
	for (size_t i = own->first; i < own->first + own->count; i++)
		if (batch->facts[i]->key == key)
			return batch->facts[i];
	return NULL;
}

struct filling {
	Ragtime__Raw__Fact **facts; /* pointers to all of them */
	Ragtime__Raw__Fact *copies; /* of those that are shared */
	size_t count;
};

static void fill(struct filling *filling, const Ragtime__Raw__Batch *batch, const struct own *own,
	const struct own *model, uint32_t index)
{
	for (size_t i = model->first; i < model->first + model->count; i++) {
		Ragtime__Raw__Fact *fact = find(batch, own, batch->facts[i]->key);

		if (!fact) {
			fact = filling->copies++;
			*fact = *batch->facts[i];
			fact->exchange = index;
		}
		filling->facts[filling->count++] = fact;
	}
	for (size_t i = own->first; i < own->first + own->count; i++)
		if (!find(batch, model, batch->facts[i]->key))
			filling->facts[filling->count++] = batch->facts[i];
}

/* How many of the facts are somebody's. */
static size_t find_owns(const Ragtime__Raw__Batch *batch, struct own *owns)
{
	size_t count = 0;

	memset(owns, 0, batch->n_exchanges * sizeof(*owns));
	for (size_t i = 0; i < batch->n_facts; i++) {
		uint32_t index = batch->facts[i]->exchange;

		if (index >= batch->n_exchanges ||
			(owns[index].count && owns[index].first + owns[index].count != i))
			continue;
		if (!owns[index].count++)
			owns[index].first = i;
		count++;
	}
	return count;
}

static bool expand_facts(Ragtime__Raw__Batch *batch, struct pool *pool)
{
	struct own *owns = pool_alloc(pool, batch->n_exchanges * sizeof(*owns));
	struct filling filling = {0};
	size_t shared = 0, all;

	if (!owns)
		return false;
	all = find_owns(batch, owns);
	for (size_t i = 0; i < batch->n_exchanges; i++)
		shared += model_of(batch, owns, i)->count;
	if (shared > SIZE_MAX / 2 / sizeof(*filling.copies))
		return false;
	filling.facts = pool_alloc(pool, (all + shared) * sizeof(*filling.facts));
	filling.copies = pool_alloc(pool, shared * sizeof(*filling.copies));
	if (!filling.facts || !filling.copies)
		return false;
	for (size_t i = 0; i < batch->n_exchanges; i++)
		fill(&filling, batch, &owns[i], model_of(batch, owns, i), (uint32_t)i);
	batch->facts = filling.facts;
	batch->n_facts = filling.count;
	return true;
}

bool batch_expand(Ragtime__Raw__Batch *batch, struct pool *pool)
{
	bool shares = false;

	for (size_t i = 0; i < batch->n_exchanges; i++) {
		expand_moments(batch->exchanges[i]);
		shares |= batch->exchanges[i]->like != 0;
	}
	return !shares || expand_facts(batch, pool);
}
