/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges: their facts and moments, in memory of a fixed size. */
#include "protocols/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct exchange *exchange_begin(struct exchange_host *host, const char *protocol,
	enum proto_way way, const struct proto_piece *piece)
{
	struct exchange *exchange = malloc(sizeof(*exchange));

	if (!exchange)
		return NULL;
	memset(exchange, 0, offsetof(struct exchange, name));
	exchange->name[0] = exchange->brief[0] = '\0';
	exchange->facts = exchange->few;
	exchange->fact_room = EXCHANGE_FEW;
	exchange->text = exchange->brief;
	exchange->text_room = EXCHANGE_BRIEF;
	exchange->host = host;
	exchange->protocol = protocol;
	exchange->is_server = way == PROTO_IN;
	exchange->sequence = host->begun++;
	exchange->thread = piece->thread;
	exchange->begin = piece->ticks;
	exchange->mark = piece->mark;
	exchange->position = piece->position;
	exchange->text_used = 1; /* offset 0 is the empty text */
	return exchange;
}

void exchange_drop(struct exchange *exchange)
{
	if (!exchange)
		return;
	hist_free(&exchange->tokens.gaps);
	said_free(exchange->said);
	if (exchange->facts != exchange->few)
		free(exchange->facts);
	if (exchange->text != exchange->brief)
		free(exchange->text);
	free(exchange);
}

void exchange_end(struct exchange *exchange, uint64_t ticks)
{
	void (*keep)(struct exchange *, uint64_t);

	if (!exchange)
		return;
	keep = exchange->keep;
	if (keep) {
		exchange->keep = NULL;
		keep(exchange, ticks);
		return;
	}
	if (!exchange->end)
		exchange->end = ticks;
	if (!exchange->request_end)
		exchange->request_end = exchange->begin;
	exchange->host->done(exchange->host->context, exchange);
	exchange_drop(exchange);
}

const struct exchange_fact *exchange_find(const struct exchange *exchange, const char *key)
{
	for (uint32_t i = 0; exchange && i < exchange->fact_count; i++) {
		if (!strcmp(exchange->facts[i].key, key))
			return &exchange->facts[i];
	}
	return NULL;
}

const char *exchange_find_text(const struct exchange *exchange, const char *key)
{
	const struct exchange_fact *fact = exchange_find(exchange, key);

	return fact && fact->type == FACT_TEXT ? exchange->text + fact->text : NULL;
}

/* There are more than usual: all room that there may be. */
static bool add_facts(struct exchange *exchange)
{
	struct exchange_fact *facts = exchange->fact_room < EXCHANGE_FACTS
		? malloc(EXCHANGE_FACTS * sizeof(*facts))
		: NULL;

	if (!facts)
		return false;
	memcpy(facts, exchange->facts, exchange->fact_count * sizeof(*facts));
	exchange->facts = facts;
	exchange->fact_room = EXCHANGE_FACTS;
	return true;
}

static bool add_text(struct exchange *exchange)
{
	char *text = exchange->text_room < EXCHANGE_TEXT ? malloc(EXCHANGE_TEXT) : NULL;

	if (!text)
		return false;
	memcpy(text, exchange->text, exchange->text_used);
	exchange->text = text;
	exchange->text_room = EXCHANGE_TEXT;
	return true;
}

/* The key's place, or a new one; NULL when there are too many. */
static struct exchange_fact *place_of(struct exchange *exchange, const char *key)
{
	struct exchange_fact *fact = (struct exchange_fact *)exchange_find(exchange, key);

	if (fact || !exchange)
		return fact;
	if (exchange->fact_count == exchange->fact_room && !add_facts(exchange)) {
		exchange->cut++;
		return NULL;
	}
	fact = &exchange->facts[exchange->fact_count++];
	*fact = (struct exchange_fact){.key = key};
	return fact;
}

/* Where a new text of a fact goes: over its old one, where it fits. */
static char *room_for(struct exchange *exchange, struct exchange_fact *fact, size_t size)
{
	size_t old =
		fact->type == FACT_TEXT && fact->text ? strlen(exchange->text + fact->text) : 0;

	if (old && size <= old)
		return exchange->text + fact->text;
	if (size >= exchange->text_room - exchange->text_used && !add_text(exchange))
		return NULL;
	if (size >= exchange->text_room - exchange->text_used)
		return NULL;
	fact->text = exchange->text_used;
	exchange->text_used += (uint32_t)size + 1;
	return exchange->text + fact->text;
}

void exchange_text(struct exchange *exchange, const char *key, const char *text, size_t size)
{
	struct exchange_fact *fact = place_of(exchange, key);
	char *room;

	if (!fact)
		return;
	if (size > 512) {
		size = 512;
		exchange->cut++;
	}
	room = room_for(exchange, fact, size);
	if (!room) {
		exchange->cut++;
		room = exchange->text;
		size = 0;
		fact->text = 0;
	}
	for (size_t i = 0; i < size; i++)
		room[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
	room[size] = '\0';
	fact->type = FACT_TEXT;
}

void exchange_string(struct exchange *exchange, const char *key, const char *text)
{
	exchange_text(exchange, key, text, strlen(text));
}

void exchange_int(struct exchange *exchange, const char *key, int64_t value)
{
	struct exchange_fact *fact = place_of(exchange, key);

	if (!fact)
		return;
	fact->type = FACT_INT;
	fact->number = value;
}

void exchange_hash(struct exchange *exchange, const char *key, uint64_t value)
{
	struct exchange_fact *fact = place_of(exchange, key);

	if (!fact)
		return;
	fact->type = FACT_HASH;
	fact->number = (int64_t)value;
}

void exchange_double(struct exchange *exchange, const char *key, double value)
{
	struct exchange_fact *fact = place_of(exchange, key);

	if (!fact)
		return;
	fact->type = FACT_DOUBLE;
	fact->real = value;
}

void exchange_bool(struct exchange *exchange, const char *key, bool value)
{
	struct exchange_fact *fact = place_of(exchange, key);

	if (!fact)
		return;
	fact->type = FACT_BOOL;
	fact->truth = value;
}

void exchange_name(struct exchange *exchange, const char *format, ...)
{
	va_list args;

	if (!exchange)
		return;
	va_start(args, format);
	vsnprintf(exchange->name, sizeof(exchange->name), format, args);
	va_end(args);
	for (char *at = exchange->name; *at; at++)
		*at = (unsigned char)*at < 0x20 || *at == 0x7f ? ' ' : *at;
}

static size_t append(struct exchange *exchange, size_t used, const char *text)
{
	for (; *text && used < sizeof(exchange->name) - 1; text++)
		exchange->name[used++] = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text;
	return used;
}

void exchange_name_pair(struct exchange *exchange, const char *verb, const char *object)
{
	size_t used;

	if (!exchange)
		return;
	used = append(exchange, append(exchange, append(exchange, 0, verb), " "), object);
	exchange->name[used] = '\0';
}

void exchange_moved(
	struct exchange *exchange, enum proto_way way, const struct proto_piece *piece, size_t size)
{
	bool is_answer;

	if (!exchange)
		return;
	is_answer = (way == PROTO_IN) != exchange->is_server;
	*(way == PROTO_OUT ? &exchange->bytes_out : &exchange->bytes_in) += size;
	if (!is_answer)
		exchange->request_end = piece->ticks;
	else if (!exchange->first_byte)
		exchange->first_byte = piece->ticks;
}

void exchange_token(struct exchange *exchange, const char *kind)
{
	struct exchange_tokens *tokens = exchange ? &exchange->tokens : NULL;
	uint64_t ticks = exchange ? exchange->now : 0;
	uint64_t gap;

	if (!tokens)
		return;
	if (!tokens->frames++) {
		tokens->first = ticks;
		tokens->first_kind = kind;
	} else if (ticks <= tokens->last) {
		tokens->coalesced++;
		return;
	} else {
		gap = ticks - tokens->last;
		hist_add(&tokens->gaps, gap);
		if (gap > tokens->longest_gap)
			tokens->longest_gap = gap;
	}
	tokens->last = ticks;
}
