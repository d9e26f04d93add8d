/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was said in an exchange, as facts of it, where the user asked for that. Credentials are
 * taken out of it here; nothing else is.
 */
#include <string.h>

#include "loader/stream/pack_state.h"
#include "protocols/content/json_member.h"
#include "protocols/exchange.h"

/* A block with more of it than this goes out. */
#define BLOCK_TEXT_MAX (4u << 20)

static void put(
	struct pack *pack, uint32_t exchange, const char *key, const void *bytes, size_t size)
{
	Ragtime__Raw__Fact row = RAGTIME__RAW__FACT__INIT;
	struct buf clean = {0};

	if (!size)
		return;
	redact_text(REDACT_CONTENT, bytes, size, &clean);
	row.exchange = exchange;
	row.type = FACT_TEXT;
	row.key = batch_text(&pack->batch, key, strlen(key));
	row.text = batch_text(&pack->batch, clean.data, clean.failed ? 0 : clean.size);
	batch_row(&pack->batch, TABLE_FACT, &row);
	if (clean.data)
		explicit_bzero(clean.data, clean.capacity);
	buf_free(&clean);
}

/* The first of these members that the body has; false where it has none. */
static bool put_member(struct pack *pack, uint32_t exchange, const char *key,
	const struct buf *body, const char *const *names)
{
	size_t size;

	for (; *names; names++) {
		const char *value =
			json_member((const char *)body->data, body->size, *names, &size);

		if (!value)
			continue;
		put(pack, exchange, key, value, size);
		return true;
	}
	return false;
}

static void put_model(struct pack *pack, uint32_t index, const struct exchange *exchange)
{
	static const char *const inputs[] = {"messages", "input", "inputs", "prompt", "contents",
		"message", "query", "texts", "inputText", NULL};
	static const char *const systems[] = {"system", "instructions", "systemInstruction",
		"system_instruction", "preamble", NULL};
	static const char *const outputs[] = {"choices", "content", "candidates", "output",
		"message", "response", "text", "results", NULL};
	const struct buf *request = &exchange->said->parts[SAID_REQUEST];
	const struct buf *answer = &exchange->said->parts[SAID_ANSWER];

	if (!put_member(pack, index, "gen_ai.input.messages", request, inputs))
		put(pack, index, "ragtime.request.body", request->data, request->size);
	put_member(pack, index, "gen_ai.system_instructions", request, systems);
	if (exchange->tokens.frames)
		put(pack, index, "gen_ai.output.messages", answer->data, answer->size);
	else if (!put_member(pack, index, "gen_ai.output.messages", answer, outputs))
		put(pack, index, "ragtime.response.body", answer->data, answer->size);
}

static void put_part(struct pack *pack, uint32_t index, const char *key, const struct buf *part)
{
	put(pack, index, key, part->data, part->size);
}

/* Of a command that may name a credential the first word stays, of a statement all but its values:
 * which of them is the credential cannot be told. */
static void put_query(struct pack *pack, uint32_t index, const struct exchange *exchange)
{
	const struct buf *statement = &exchange->said->parts[SAID_STATEMENT];
	const struct buf *values = &exchange->said->parts[SAID_VALUES];
	const struct buf *answer = &exchange->said->parts[SAID_ANSWER];
	bool is_command = !strcmp(exchange->protocol, "redis");

	if (statement->size && redact_names_credential(statement->data, statement->size)) {
		const uint8_t *space = memchr(statement->data, ' ', statement->size);
		size_t word = space ? (size_t)(space - statement->data) : statement->size;

		put(pack, index, "db.query.text", statement->data,
			is_command ? word : statement->size);
		if (values->size)
			put(pack, index, "ragtime.query.values", "***", 3);
		if (is_command)
			return;
	} else {
		put_part(pack, index, "db.query.text", statement);
		put_part(pack, index, "ragtime.query.values", values);
	}
	put_part(pack, index, "ragtime.response.body", answer);
}

/* Fields of gRPC have no names: what a method is called must do. */
static bool is_secret(const struct exchange *exchange)
{
	static const char *const words[] = {"auth", "login", "logon", "signin", "createuser",
		"updateuser", "session", "secret", "passw", "credential", "token"};

	if (strcmp(exchange->protocol, "grpc") != 0)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasestr(exchange->name, words[i]))
			return true;
	}
	return false;
}

void pack_content(struct pack *pack, uint32_t index, const struct exchange *exchange)
{
	const struct said *said = exchange->said;

	if (!said || is_secret(exchange))
		return;
	if (exchange_find(exchange, "gen_ai.operation.name")) {
		put_model(pack, index, exchange);
	} else if (said->parts[SAID_STATEMENT].size) {
		put_query(pack, index, exchange);
	} else {
		put_part(pack, index, "ragtime.request.body", &said->parts[SAID_REQUEST]);
		put_part(pack, index, "ragtime.response.body", &said->parts[SAID_ANSWER]);
	}
	put_part(pack, index, "gen_ai.tool.call.arguments", &said->parts[SAID_TOOLS]);
	if (said->cut) {
		uint64_t now = pack_last_clock(pack)->monotonic_ns;

		pack_loss(pack, exchange->thread, RT_LOSS_content_cut, said->cut, now, now);
	}
	if (pack->batch.text_bytes > BLOCK_TEXT_MAX)
		(void)pack_emit(pack); /* a failure is kept in the totals */
}
