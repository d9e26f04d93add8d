/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's messages, also as Vertex AI serves them (the model is in the path then). */
#include "protocols/dialects/genai.h"
#include "wire/event.h"

static const struct genai_operation operations[] = {
	{"/v1/messages", "chat", RT_CLASS_llm_generation},
	{"/v1/messages/batches", "batch", RT_CLASS_llm_generation},
	{":rawPredict", "chat", RT_CLASS_llm_generation},
	{":streamRawPredict", "chat", RT_CLASS_llm_generation},
	{NULL, NULL, 0},
};

static const char vertex[] = "/publishers/anthropic/models/";

static bool anthropic_claims(const struct http_head *head)
{
	bool is_predict = strstr(head->path, "awPredict") != NULL;

	return is_method(head, "POST") && genai_operation_of(operations, head->path) &&
		(!is_predict || strstr(head->path, vertex));
}

static void anthropic_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	const char *model = strstr(head->path, vertex);

	if (model) {
		model += sizeof(vertex) - 1;
		put_segment(exchange, GENAI_REQUEST_MODEL, model, strcspn(model, "/:"));
	}
	genai_begin(state, exchange, genai_operation_of(operations, head->path),
		model ? "gcp.vertex_ai" : "anthropic");
}

static const struct rule request_rules[] = {
	{"model", RULE_PUT, GENAI_REQUEST_MODEL},
	{"stream", RULE_PUT, GENAI_STREAM},
	{"max_tokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"top_p", RULE_PUT, GENAI_TOP_P},
	{"top_k", RULE_PUT, GENAI_TOP_K},
	{"thinking.budget_tokens", RULE_PUT, "ragtime.thinking_budget"},
	{"messages[]", RULE_COUNT, GENAI_MESSAGES},
	{"tools[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	RULES_END,
};

static void anthropic_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	genai_request(state, exchange, request_rules, value);
}

static const struct rule response_rules[] = {
	{"delta.text", RULE_TOKEN, NULL},
	{"delta.thinking", RULE_TOKEN, NULL},
	{"delta.partial_json", RULE_TOKEN, NULL},
	{"delta.partial_json", RULE_SIZE, GENAI_TOOL_BYTES},
	{"id", RULE_PUT, GENAI_RESPONSE_ID},
	{"model", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"message.id", RULE_PUT, GENAI_RESPONSE_ID},
	{"message.model", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"content[].name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"content_block.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"content[].text", RULE_ANSWER, NULL},
	{"delta.text", RULE_ANSWER, NULL},
	{"content_block.name", RULE_DIGEST, NULL},
	{"delta.partial_json", RULE_DIGEST, NULL},
	{"stop_reason", RULE_FINISH, NULL},
	{"delta.stop_reason", RULE_FINISH, NULL},
	{"usage.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"usage.output_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"usage.cache_read_input_tokens", RULE_PUT, GENAI_CACHED_TOKENS},
	{"usage.cache_creation_input_tokens", RULE_PUT, GENAI_CACHE_WRITE_TOKENS},
	{"message.usage.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"message.usage.output_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"message.usage.cache_read_input_tokens", RULE_PUT, GENAI_CACHED_TOKENS},
	{"message.usage.cache_creation_input_tokens", RULE_PUT, GENAI_CACHE_WRITE_TOKENS},
	{"usage.service_tier", RULE_PUT, "ragtime.service_tier"},
	{"message.usage.service_tier", RULE_PUT, "ragtime.service_tier"},
	{"error.type", RULE_ERROR, NULL},
	RULES_END,
};

static void anthropic_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct genai *genai = state;

	rules_apply(response_rules, &genai->reading, exchange, value);
}

static void anthropic_end(void *state, struct exchange *exchange)
{
	genai_add(exchange, GENAI_INPUT_TOKENS, GENAI_CACHED_TOKENS);
	genai_add(exchange, GENAI_INPUT_TOKENS, GENAI_CACHE_WRITE_TOKENS);
	genai_end(state, exchange);
}

const struct dialect dialect_anthropic = {
	.name = "anthropic",
	.state_size = sizeof(struct genai),
	.claims = anthropic_claims,
	.begin = anthropic_begin,
	.request_value = anthropic_request_value,
	.response_value = anthropic_response_value,
	.frame = genai_frame,
	.end = anthropic_end,
};
