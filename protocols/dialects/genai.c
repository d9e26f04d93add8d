/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/dialects/genai.h"

#include <stdio.h>

/* Providers reuse a prompt's beginning from about 1024 tokens on: some four kilobytes of text. */
#define PREFIX_BYTES 4096

const struct genai_operation *genai_operation_of(
	const struct genai_operation *operations, const char *path)
{
	for (; operations->path_end; operations++) {
		if (ends_with(path, operations->path_end))
			return operations;
	}
	return NULL;
}

/* "operation model", the model as asked for where that is known. */
static void put_name(struct exchange *exchange)
{
	const char *operation = exchange_find_text(exchange, GENAI_OPERATION);
	const char *model = exchange_find_text(exchange, GENAI_REQUEST_MODEL);

	if (!model)
		model = exchange_find_text(exchange, GENAI_RESPONSE_MODEL);
	if (operation)
		exchange_name(exchange, "%s%s%s", operation, model ? " " : "", model ? model : "");
}

void genai_begin(struct genai *genai, struct exchange *exchange,
	const struct genai_operation *operation, const char *provider)
{
	genai->operation = operation;
	exchange->class = operation->class;
	exchange_string(exchange, GENAI_OPERATION, operation->name);
	if (provider)
		exchange_string(exchange, GENAI_PROVIDER, provider);
	put_name(exchange);
}

static void hash_add(
	struct genai *genai, struct exchange *exchange, const struct dialect_value *value)
{
	struct {
		uint64_t before, type, number, text, whole;
	} item = {genai->hash, value->type, (uint64_t)value->number, 0, value->whole};
	struct exchange_host *host = exchange->host;

	if (value->type == VALUE_STRING)
		item.text = host->hash(host->context, value->text, value->size);
	genai->hash = host->hash(host->context, &item, sizeof(item));
	if (genai->hashed_bytes < PREFIX_BYTES)
		genai->prefix_hash = genai->hash;
	genai->hashed_bytes += value->whole;
}

void genai_request(struct genai *genai, struct exchange *exchange, const struct rule *rules,
	const struct dialect_value *value)
{
	if (value->type != VALUE_OPEN && value->type != VALUE_CLOSE)
		hash_add(genai, exchange, value);
	rules_apply(rules, &genai->reading, exchange, value);
}

void genai_frame(void *state, struct exchange *exchange, const char *event)
{
	struct genai *genai = state;

	(void)event;
	if (genai->reading.streams)
		return;
	genai->reading.streams = true;
	exchange_bool(exchange, GENAI_STREAM, true);
}

static void put_answer_form(const struct reading *reading, struct exchange *exchange)
{
	const char *form = reading->answer_cut ? NULL : json_form_name(&reading->answer);

	if (form && (strcmp(form, "text") != 0 || exchange_find(exchange, GENAI_OUTPUT_TYPE)))
		exchange_string(exchange, GENAI_ANSWER_FORM, form);
}

static void put_tool_hash(const struct reading *reading, struct exchange *exchange)
{
	struct exchange_host *host = exchange->host;

	if (reading->digest)
		exchange_hash(exchange, GENAI_TOOL_HASH,
			host->hash(host->context, &reading->digest, sizeof(reading->digest)));
}

void genai_end(void *state, struct exchange *exchange)
{
	const struct genai *genai = state;

	if (!genai->operation)
		return;
	if (genai->hash)
		exchange_hash(exchange, "ragtime.request_hash", genai->hash);
	if (genai->hashed_bytes >= PREFIX_BYTES)
		exchange_hash(exchange, "ragtime.prompt_prefix_hash", genai->prefix_hash);
	put_answer_form(&genai->reading, exchange);
	put_tool_hash(&genai->reading, exchange);
	put_name(exchange);
}

void genai_add(struct exchange *exchange, const char *total, const char *part)
{
	const struct exchange_fact *sum = exchange_find(exchange, total);
	const struct exchange_fact *more = exchange_find(exchange, part);

	if (sum && more && sum->type == FACT_INT && more->type == FACT_INT)
		exchange_int(exchange, total, sum->number + more->number);
}
