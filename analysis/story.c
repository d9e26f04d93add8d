/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of one span, put into words in a fixed order. */
#include "analysis/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/units.h"
#include "lib/words.h"

/* Nobody minds less. */
#define SETUP_LEAST_NS 1e6

/* Attributes that take part, in the order of the query's answers. */
enum fact {
	FACT_CACHE,
	FACT_KEY_PATTERN,
	FACT_INPUT,
	FACT_CACHED,
	FACT_OUTPUT,
	FACT_ESTIMATED,
	FACT_FIRST_TOKEN,
	FACT_TOKENS_PER_S,
	FACT_COST,
	FACT_INPUTS,
	FACT_DIMENSIONS,
	FACT_K,
	FACT_ROWS,
	FACT_AFFECTED,
	FACT_FINISH,
	FACT_STATUS,
	FACT_ERROR,
	FACT_SIDE,
	FACT_DNS,
	FACT_CONNECT,
	FACT_TLS,
	FACT_TLS_RESUMED,
	FACT_SEND,
	FACT_WAIT,
	FACT_RECEIVE,
	FACT_COUNT
};

static const char *const keys[FACT_COUNT] = {
	[FACT_CACHE] = "ragtime.cache",
	[FACT_KEY_PATTERN] = "ragtime.key_pattern",
	[FACT_INPUT] = "gen_ai.usage.input_tokens",
	[FACT_CACHED] = "gen_ai.usage.cache_read.input_tokens",
	[FACT_OUTPUT] = "gen_ai.usage.output_tokens",
	[FACT_ESTIMATED] = "ragtime.tokens_estimated",
	[FACT_FIRST_TOKEN] = "ragtime.first_token_ns",
	[FACT_TOKENS_PER_S] = "ragtime.tokens_per_s",
	[FACT_COST] = "ragtime.cost_usd",
	[FACT_INPUTS] = "ragtime.embedding_inputs",
	[FACT_DIMENSIONS] = "gen_ai.embeddings.dimension.count",
	[FACT_K] = "ragtime.k",
	[FACT_ROWS] = "db.response.returned_rows",
	[FACT_AFFECTED] = "ragtime.affected_rows",
	[FACT_FINISH] = "gen_ai.response.finish_reasons",
	[FACT_STATUS] = "http.response.status_code",
	[FACT_ERROR] = "error.type",
	[FACT_SIDE] = "ragtime.side",
	[FACT_DNS] = "ragtime.dns_ns",
	[FACT_CONNECT] = "ragtime.connect_ns",
	[FACT_TLS] = "ragtime.tls_ns",
	[FACT_TLS_RESUMED] = "ragtime.tls_resumed",
	[FACT_SEND] = "ragtime.send_ns",
	[FACT_WAIT] = "ragtime.wait_ns",
	[FACT_RECEIVE] = "ragtime.receive_ns",
};

struct story {
	struct query *query;
	struct buf text;
	struct {
		bool known;
		double number;
		char text[64];
	} facts[FACT_COUNT];
};

struct story *story_new(struct model *model)
{
	struct story *story = calloc(1, sizeof(*story));

	if (!story)
		return NULL;
	story->query = model_query(model, "SELECT key, value FROM attribute WHERE span = ?");
	return story;
}

void story_free(struct story *story)
{
	if (!story)
		return;
	query_free(story->query);
	buf_free(&story->text);
	free(story);
}

static void read_facts(struct story *story, int64_t span)
{
	memset(story->facts, 0, sizeof(story->facts));
	query_bind(story->query, 1, span);
	while (query_next(story->query)) {
		const char *key = query_text(story->query, 0);
		const char *value;

		for (int fact = 0; fact < FACT_COUNT; fact++) {
			if (strcmp(key, keys[fact]) != 0)
				continue;
			story->facts[fact].known = true;
			story->facts[fact].number = query_double(story->query, 1);
			value = query_text(story->query, 1);
			snprintf(story->facts[fact].text, sizeof(story->facts[fact].text), "%s",
				value ? value : "");
		}
	}
}

static void put_count(struct story *story, enum fact fact, const char *what)
{
	char space[UNITS_SIZE];

	if (story->facts[fact].known)
		buf_printf(&story->text, "  %s %s",
			units_count(space, (int64_t)story->facts[fact].number), what);
}

/* One of them, or several. */
static void put_things(struct story *story, enum fact fact, const char *thing)
{
	put_count(story, fact, thing);
	if (story->facts[fact].known && story->facts[fact].number != 1)
		buf_puts(&story->text, "s");
}

/* An answer that was cut short. */
static void put_finish(struct story *story)
{
	static const char *const cut[] = {
		"length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "incomplete"};

	for (unsigned i = 0; i < sizeof(cut) / sizeof(*cut); i++)
		if (!strcmp(story->facts[FACT_FINISH].text, cut[i]))
			buf_puts(&story->text, "  cut at its token limit");
}

static void put_tokens(struct story *story)
{
	char in[UNITS_SIZE], out[UNITS_SIZE];
	bool estimated = story->facts[FACT_ESTIMATED].known;

	if (story->facts[FACT_INPUT].known && story->facts[FACT_OUTPUT].known)
		buf_printf(&story->text, "  %s -> %s%s tokens",
			units_count(in, (int64_t)story->facts[FACT_INPUT].number),
			estimated ? "~" : "",
			units_count(out, (int64_t)story->facts[FACT_OUTPUT].number));
	else if (story->facts[FACT_INPUT].known)
		put_count(story, FACT_INPUT, "tokens");
	else if (story->facts[FACT_OUTPUT].known)
		buf_printf(&story->text, "  %s%s tokens out", estimated ? "~" : "",
			units_count(out, (int64_t)story->facts[FACT_OUTPUT].number));
	if (story->facts[FACT_CACHED].number > 0)
		put_count(story, FACT_CACHED, "of them cached");
}

static void put_part(struct story *story, const char *comma, const char *what, double ns)
{
	char space[UNITS_SIZE];

	buf_printf(&story->text, "%s%s %s", comma, what, units_duration(space, (int64_t)ns));
}

/* What had to come before the request, where that is a tenth of it or more: mostly the handshake.
 */
static void put_setup(struct story *story)
{
	double dns = story->facts[FACT_DNS].number, connect = story->facts[FACT_CONNECT].number;
	double tls = story->facts[FACT_TLS].number, setup = dns + connect + tls;
	double own = story->facts[FACT_SEND].number + story->facts[FACT_WAIT].number +
		story->facts[FACT_RECEIVE].number;
	const char *comma = "",
		   *handshake = story->facts[FACT_TLS_RESUMED].number ? "TLS resumed" : "TLS";

	if (setup < SETUP_LEAST_NS || setup * 10 < own)
		return;
	put_part(story, "  ", "new connection", setup);
	buf_puts(&story->text, " (");
	if (dns * 10 >= setup) {
		put_part(story, comma, "name lookup", dns);
		comma = ", ";
	}
	if (connect * 10 >= setup) {
		put_part(story, comma, "connect", connect);
		comma = ", ";
	}
	if (tls * 10 >= setup)
		put_part(story, comma, handshake, tls);
	buf_puts(&story->text, ")");
}

static void put_rest(struct story *story)
{
	char space[UNITS_SIZE];

	if (story->facts[FACT_FIRST_TOKEN].known)
		buf_printf(&story->text, "  first token %s",
			units_duration(space, (int64_t)story->facts[FACT_FIRST_TOKEN].number));
	if (story->facts[FACT_TOKENS_PER_S].known)
		buf_printf(&story->text, "  %.0f tokens/s", story->facts[FACT_TOKENS_PER_S].number);
	if (story->facts[FACT_COST].known)
		buf_printf(&story->text, "  $%.6f", story->facts[FACT_COST].number);
	put_finish(story);
	put_things(story, FACT_INPUTS, "input");
	put_things(story, FACT_DIMENSIONS, "dimension");
	if (story->facts[FACT_K].known)
		buf_printf(&story->text, "  k %.0f", story->facts[FACT_K].number);
	put_things(story, FACT_ROWS, "row");
	if (!story->facts[FACT_ROWS].known)
		put_things(story, FACT_AFFECTED, "row");
	if (story->facts[FACT_ERROR].known)
		buf_printf(&story->text, "  %s", story->facts[FACT_ERROR].text);
	else if (story->facts[FACT_STATUS].known && story->facts[FACT_STATUS].number >= 300)
		buf_printf(&story->text, "  status %.0f", story->facts[FACT_STATUS].number);
}

const char *story_of(struct story *story, int64_t span, unsigned class)
{
	read_facts(story, span);
	buf_clear(&story->text);
	if (class)
		buf_printf(&story->text, "  [%s]", word_title("class", class));
	if (!strcmp(story->facts[FACT_SIDE].text, "server"))
		buf_puts(&story->text, "  answered");
	if (*story->facts[FACT_KEY_PATTERN].text)
		buf_printf(&story->text, "  %s", story->facts[FACT_KEY_PATTERN].text);
	if (story->facts[FACT_CACHE].known)
		buf_printf(&story->text, "  %s", story->facts[FACT_CACHE].text);
	put_tokens(story);
	put_rest(story);
	put_setup(story);
	return buf_string(&story->text);
}
