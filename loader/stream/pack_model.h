/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges of a block that later ones may be told by: a service answers the same requests over and
 * over, and what is known of them differs in little.
 */
#ifndef LOADER_STREAM_PACK_MODEL_H
#define LOADER_STREAM_PACK_MODEL_H

#include "loader/stream/pack_state.h"
#include "protocols/exchange.h"

#define PACK_MODELS 32

struct pack_model {
	uint32_t block;	   /* that it stands in, by pack.emits, and one more; 0: there is none */
	uint32_t exchange; /* its index there */
	uint32_t name_text, protocol;
	uint32_t fact_count;
	const char *protocol_name;
	char name[sizeof(((struct exchange *)NULL)->name)];
	struct exchange_fact facts[EXCHANGE_FEW];
	char text[EXCHANGE_BRIEF];
};

/* The exchange of this block with the same name and the same sorts of facts, or NULL. */
const struct pack_model *pack_model_for(const struct pack *pack, const struct exchange *exchange);

/* Has it the same value of that fact? */
bool pack_model_has(const struct pack_model *model, const struct exchange *exchange, uint32_t fact);

/* The exchange becomes one, where it may. */
void pack_model_put(struct pack *pack, uint32_t index, const Ragtime__Raw__Exchange *row,
	const struct exchange *exchange);

#endif
