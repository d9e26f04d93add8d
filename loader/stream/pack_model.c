/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/pack_model.h"

#include <string.h>

/* What was said, and what tokens tell, is not among the facts. */
static bool may_share(const struct exchange *exchange)
{
	return !exchange->said && !exchange->tokens.frames && exchange->fact_count &&
		exchange->fact_count <= EXCHANGE_FEW && exchange->text_used <= EXCHANGE_BRIEF;
}

static bool is_of_block(const struct pack *pack, const struct pack_model *model)
{
	return model->block == pack->emits + 1;
}

/* One of two places: that of its name, else one that is free, else the first. */
static struct pack_model *place_of(const struct pack *pack, const struct exchange *exchange)
{
	size_t size = strlen(exchange->name);
	uint32_t hash = (uint32_t)size;
	struct pack_model *first, *second;

	for (size_t i = size > 16 ? size - 16 : 0; i < size; i++)
		hash = (hash ^ (uint8_t)exchange->name[i]) * 16777619u;
	hash = (hash ^ hash >> 16) % PACK_MODELS;
	first = &pack->models[hash];
	second = &pack->models[hash ^ 1];
	if (!is_of_block(pack, first) || !strcmp(first->name, exchange->name))
		return first;
	return !is_of_block(pack, second) || !strcmp(second->name, exchange->name) ? second : first;
}

const struct pack_model *pack_model_for(const struct pack *pack, const struct exchange *exchange)
{
	const struct pack_model *model = pack->models ? place_of(pack, exchange) : NULL;

	if (!model || !is_of_block(pack, model) || !may_share(exchange) ||
		model->fact_count != exchange->fact_count ||
		model->protocol_name != exchange->protocol || strcmp(model->name, exchange->name))
		return NULL;
	for (uint32_t i = 0; i < model->fact_count; i++)
		if (model->facts[i].key != exchange->facts[i].key)
			return NULL;
	return model;
}

bool pack_model_has(const struct pack_model *model, const struct exchange *exchange, uint32_t fact)
{
	const struct exchange_fact *theirs = &model->facts[fact], *own = &exchange->facts[fact];

	if (own->type != theirs->type)
		return false;
	switch (own->type) {
	case FACT_TEXT:
		return !strcmp(exchange->text + own->text, model->text + theirs->text);
	case FACT_BOOL:
		return own->truth == theirs->truth;
	case FACT_DOUBLE:
		return !memcmp(&own->real, &theirs->real, sizeof(own->real));
	default:
		return own->number == theirs->number;
	}
}

void pack_model_put(struct pack *pack, uint32_t index, const Ragtime__Raw__Exchange *row,
	const struct exchange *exchange)
{
	struct pack_model *model = pack->models ? place_of(pack, exchange) : NULL;

	/* what a model's call has cost is told beside its facts */
	if (!model || !may_share(exchange) || exchange_find(exchange, "gen_ai.operation.name"))
		return;
	model->block = pack->emits + 1;
	model->exchange = index;
	model->name_text = row->name;
	model->protocol = row->protocol;
	model->protocol_name = exchange->protocol;
	model->fact_count = exchange->fact_count;
	memcpy(model->name, exchange->name, sizeof(model->name));
	memcpy(model->facts, exchange->facts, exchange->fact_count * sizeof(*model->facts));
	memcpy(model->text, exchange->text, exchange->text_used);
}
