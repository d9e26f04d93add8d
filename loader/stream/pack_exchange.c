/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges as rows of a Batch. */
#include <stdio.h>
#include <string.h>

#include "loader/stream/pack_model.h"
#include "loader/stream/pack_state.h"
#include "loader/stream/prices.h"
#include "protocols/exchange.h"

#define NS 1000000000.0

static void put_fact(struct pack *pack, Ragtime__Raw__Fact *row, const char *key)
{
	row->key = batch_text(&pack->batch, key, strlen(key));
	batch_row(&pack->batch, TABLE_FACT, row);
}

static void put_int(struct pack *pack, uint32_t exchange, const char *key, int64_t value)
{
	Ragtime__Raw__Fact row = RAGTIME__RAW__FACT__INIT;

	row.exchange = exchange;
	row.type = FACT_INT;
	row.number = value;
	put_fact(pack, &row, key);
}

/* Texts pass the same gate as every other text of a trace. */
static uint32_t clean_text(struct pack *pack, enum redact_kind kind, const char *text)
{
	size_t size = strlen(text);
	const char *clean = texts_clean(pack->known.texts, kind, text, size, &size);

	return batch_text(&pack->batch, clean, size);
}

/* "00-", 32 hex digits, "-", 16 of them, "-", 2 of them: random by its definition, and no secret.
 */
static bool is_traceparent(const char *text)
{
	static const char shape[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";

	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		bool is_hex =
			(text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');

		if (shape[i] == 'h' ? !is_hex : text[i] != shape[i])
			return false;
	}
	return !text[sizeof(shape) - 1];
}

/* SQL and what was named in it. */
static bool is_statement(const char *key)
{
	return !strcmp(key, "db.query.text") || !strcmp(key, "db.collection.name");
}

static uint32_t fact_text(struct pack *pack, const char *key, const char *text)
{
	if (!strcmp(key, "ragtime.traceparent") && is_traceparent(text))
		return batch_text(&pack->batch, text, strlen(text));
	return clean_text(pack, is_statement(key) ? REDACT_STATEMENT : REDACT_NAME, text);
}

/* The statement stands there word for word. */
static bool is_said(const struct exchange *exchange, const char *key)
{
	return exchange->said && exchange->said->parts[SAID_STATEMENT].size &&
		!strcmp(key, "db.query.text");
}

static void put_one(struct pack *pack, uint32_t index, const struct exchange *exchange,
	const struct exchange_fact *fact)
{
	Ragtime__Raw__Fact row = RAGTIME__RAW__FACT__INIT;
	char hash[24];

	row.exchange = index;
	row.type = fact->type;
	switch (fact->type) {
	case FACT_TEXT:
		row.text = fact_text(pack, fact->key, exchange->text + fact->text);
		break;
	case FACT_INT:
		row.number = fact->number;
		break;
	case FACT_DOUBLE:
		row.real = fact->real;
		break;
	case FACT_BOOL:
		row.number = fact->truth;
		break;
	case FACT_HASH:
		row.type = FACT_TEXT;
		snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)fact->number);
		row.text = batch_text(&pack->batch, hash, strlen(hash));
		break;
	}
	put_fact(pack, &row, fact->key);
}

/* Those that are not as in `model`, which may be NULL. */
static void put_facts(struct pack *pack, uint32_t index, const struct exchange *exchange,
	const struct pack_model *model)
{
	for (uint32_t i = 0; i < exchange->fact_count; i++) {
		const struct exchange_fact *fact = &exchange->facts[i];

		if (!model || !pack_model_has(model, exchange, i)) {
			if (!is_said(exchange, fact->key))
				put_one(pack, index, exchange, fact);
		}
	}
}

static void put_double(struct pack *pack, uint32_t exchange, const char *key, double value)
{
	Ragtime__Raw__Fact row = RAGTIME__RAW__FACT__INIT;

	row.exchange = exchange;
	row.type = FACT_DOUBLE;
	row.real = value;
	put_fact(pack, &row, key);
}

static void put_cost(struct pack *pack, uint32_t index, const struct exchange *exchange)
{
	double usd;

	if (!exchange_find(exchange, "gen_ai.usage.input_tokens"))
		return;
	if (!pack->prices)
		pack->prices = prices_load();
	if (pack->prices && prices_cost(pack->prices, exchange, &usd))
		put_double(pack, index, "ragtime.cost_usd", usd);
}

/* A stream without usage has told about as many tokens as frames; a reader shall know that. */
static void put_estimate(struct pack *pack, uint32_t index, const struct exchange *exchange)
{
	Ragtime__Raw__Fact row = RAGTIME__RAW__FACT__INIT;

	if (!exchange_find(exchange, "gen_ai.operation.name") ||
		exchange_find(exchange, "gen_ai.usage.output_tokens"))
		return;
	put_int(pack, index, "gen_ai.usage.output_tokens", (int64_t)exchange->tokens.frames);
	row.exchange = index;
	row.type = FACT_BOOL;
	row.number = true;
	put_fact(pack, &row, "ragtime.tokens_estimated");
}

/* The first token's own time is not the model's pace. */
static void put_pace(struct pack *pack, uint32_t index, const struct exchange *exchange)
{
	const struct exchange_fact *output = exchange_find(exchange, "gen_ai.usage.output_tokens");
	uint64_t ticks = exchange->tokens.last - exchange->tokens.first;

	if (output && output->type == FACT_INT && output->number > 1 && ticks)
		put_double(pack, index, "ragtime.tokens_per_s",
			(double)(output->number - 1) * (double)pack->start.ticks_per_second /
				(double)ticks);
}

static void put_tokens(struct pack *pack, uint32_t index, const struct exchange_tokens *tokens)
{
	double ns = NS / (double)pack->start.ticks_per_second;

	put_int(pack, index, "ragtime.frames", (int64_t)tokens->frames);
	if (tokens->coalesced)
		put_int(pack, index, "ragtime.coalesced_frames", (int64_t)tokens->coalesced);
	if (!tokens->gaps.total)
		return;
	put_int(pack, index, "ragtime.gap_p50_ns",
		(int64_t)((double)hist_percentile(&tokens->gaps, 50) * ns));
	put_int(pack, index, "ragtime.gap_p95_ns",
		(int64_t)((double)hist_percentile(&tokens->gaps, 95) * ns));
	put_int(pack, index, "ragtime.gap_max_ns", (int64_t)((double)tokens->longest_gap * ns));
}

/* After the beginning, as it should be; else, where clocks disagree, as it is. */
static void put_moment(uint64_t begin, uint64_t ticks, uint64_t *as_is, uint64_t *after)
{
	if (ticks >= begin)
		*after = ticks - begin + 1;
	else
		*as_is = ticks;
}

static void put_moments(Ragtime__Raw__Exchange *row, const struct exchange *exchange)
{
	uint64_t begin = exchange->begin;

	row->begin_ticks = begin;
	put_moment(begin, exchange->request_end, &row->request_end_ticks, &row->request_end_after);
	put_moment(begin, exchange->first_byte, &row->first_byte_ticks, &row->first_byte_after);
	put_moment(begin, exchange->first_chunk, &row->first_chunk_ticks, &row->first_chunk_after);
	put_moment(begin, exchange->tokens.first, &row->first_token_ticks, &row->first_token_after);
	put_moment(begin, exchange->tokens.last, &row->last_token_ticks, &row->last_token_after);
	put_moment(begin, exchange->end, &row->end_ticks, &row->end_after);
}

void pack_exchange(struct pack *pack, uint32_t connection, int fd, const struct exchange *exchange)
{
	Ragtime__Raw__Exchange row = RAGTIME__RAW__EXCHANGE__INIT;
	struct batch *batch = &pack->batch;
	uint32_t index = (uint32_t)batch->tables[TABLE_EXCHANGE].count;
	const struct pack_model *model = pack_model_for(pack, exchange);

	known_use_thread(&pack->known, exchange->thread);
	row.thread = exchange->thread;
	row.connection = connection;
	row.fd = fd;
	row.sequence = exchange->sequence;
	if (model) {
		row.like = model->exchange + 1;
		row.name = model->name_text;
		row.protocol = model->protocol;
	} else {
		row.name = clean_text(pack,
			exchange_find(exchange, "db.query.text") ? REDACT_STATEMENT : REDACT_NAME,
			exchange->name);
		row.protocol = batch_text(batch, exchange->protocol, strlen(exchange->protocol));
		pack_model_put(pack, index, &row, exchange);
	}
	row.class_ = exchange->class;
	row.server = exchange->is_server;
	row.failed = exchange->failed;
	row.mark = exchange->mark;
	row.position = exchange->position;
	row.stream = exchange->stream;
	put_moments(&row, exchange);
	row.bytes_out = exchange->bytes_out;
	row.bytes_in = exchange->bytes_in;
	batch_row(batch, TABLE_EXCHANGE, &row);
	put_facts(pack, index, exchange, model);
	put_cost(pack, index, exchange);
	if (exchange->tokens.frames) {
		put_tokens(pack, index, &exchange->tokens);
		put_estimate(pack, index, exchange);
		put_pace(pack, index, exchange);
	}
	pack_content(pack, index, exchange);
}
