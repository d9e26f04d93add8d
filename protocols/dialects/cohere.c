/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cohere's chat (version 1 streams JSON lines, version 2 events), generate and embed. Elsewhere
 * than at Cohere's, an answer of its shape makes a request one.
 */
#include "protocols/dialects/genai.h"
#include "wire/event.h"

struct cohere {
	struct genai genai;
	const struct genai_operation *operation;
};

static const struct genai_operation operations[] = {
	{"/v1/chat", "chat", RT_CLASS_llm_generation},
	{"/v2/chat", "chat", RT_CLASS_llm_generation},
	{"/v1/generate", "text_completion", RT_CLASS_llm_generation},
	{"/v1/embed", "embeddings", RT_CLASS_embedding_generation},
	{"/v2/embed", "embeddings", RT_CLASS_embedding_generation},
	{NULL, NULL, 0},
};

static bool cohere_claims(const struct http_head *head)
{
	return is_method(head, "POST") && genai_operation_of(operations, head->path);
}

static void recognise(struct cohere *cohere, struct exchange *exchange)
{
	if (!cohere->genai.operation)
		genai_begin(&cohere->genai, exchange, cohere->operation, "cohere");
}

static void cohere_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	struct cohere *cohere = state;

	cohere->operation = genai_operation_of(operations, head->path);
	if (strstr(head->host, "cohere"))
		recognise(cohere, exchange);
}

static const struct rule request_rules[] = {
	{"model", RULE_PUT, GENAI_REQUEST_MODEL},
	{"stream", RULE_PUT, GENAI_STREAM},
	{"max_tokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"p", RULE_PUT, GENAI_TOP_P},
	{"k", RULE_PUT, GENAI_TOP_K},
	{"seed", RULE_PUT, GENAI_SEED},
	{"messages[]", RULE_COUNT, GENAI_MESSAGES},
	{"chat_history[]", RULE_COUNT, GENAI_MESSAGES},
	{"message", RULE_COUNT, GENAI_MESSAGES},
	{"tools[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	{"documents[]", RULE_COUNT, "ragtime.documents"},
	{"texts[]", RULE_COUNT, GENAI_EMBEDDING_INPUTS},
	{"inputs[]", RULE_COUNT, GENAI_EMBEDDING_INPUTS},
	{"images[]", RULE_COUNT, GENAI_EMBEDDING_INPUTS},
	{"input_type", RULE_PUT, "ragtime.embedding_input_type"},
	RULES_END,
};

static void cohere_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	genai_request(state, exchange, request_rules, value);
}

/* What is billed comes first, what the model has counted replaces it. */
static const struct rule response_rules[] = {
	{"embeddings[]", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"embeddings.float[]", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"text", RULE_TOKEN, NULL},
	{"delta.message.content.text", RULE_TOKEN, NULL},
	{"delta.message.content.thinking", RULE_TOKEN, NULL},
	{"delta.message.tool_plan", RULE_TOKEN, NULL},
	{"delta.message.tool_calls.function.name", RULE_TOKEN, NULL},
	{"delta.message.tool_calls.function.arguments", RULE_TOKEN, NULL},
	{"delta.message.tool_calls.function.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"message.tool_calls[].function.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"tool_calls[].name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"delta.message.tool_calls.function.arguments", RULE_SIZE, GENAI_TOOL_BYTES},
	{"message.tool_calls[].function.arguments", RULE_SIZE, GENAI_TOOL_BYTES},
	{"id", RULE_PUT, GENAI_RESPONSE_ID},
	{"generation_id", RULE_PUT, GENAI_RESPONSE_ID},
	{"finish_reason", RULE_FINISH, NULL},
	{"delta.finish_reason", RULE_FINISH, NULL},
	{"*meta.billed_units.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"*meta.billed_units.output_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"*meta.tokens.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"*meta.tokens.output_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"*usage.billed_units.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"*usage.billed_units.output_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"*usage.tokens.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"*usage.tokens.output_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"*usage.cached_tokens", RULE_PUT, GENAI_CACHED_TOKENS},
	RULES_END,
};

static void cohere_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct cohere *cohere = state;

	if (path_is(value, "generation_id") || path_is(value, "delta.message.role") ||
		ends_with(value->path, "billed_units.input_tokens"))
		recognise(cohere, exchange);
	rules_apply(response_rules, &cohere->genai.reading, exchange, value);
}

const struct dialect dialect_cohere = {
	.name = "cohere",
	.state_size = sizeof(struct cohere),
	.claims = cohere_claims,
	.begin = cohere_begin,
	.request_value = cohere_request_value,
	.response_value = cohere_response_value,
	.frame = genai_frame,
	.end = genai_end,
};
