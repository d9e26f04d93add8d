/* SPDX-License-Identifier: Apache-2.0 */
/* IBM watsonx.ai: chat, generation, embeddings and rerank of /ml/v1. */
#include "protocols/dialects/genai.h"
#include "wire/event.h"

static const struct genai_operation operations[] = {
	{"/text/chat", "chat", RT_CLASS_llm_generation},
	{"/text/chat_stream", "chat", RT_CLASS_llm_generation},
	{"/text/generation", "text_completion", RT_CLASS_llm_generation},
	{"/text/generation_stream", "text_completion", RT_CLASS_llm_generation},
	{"/text/embeddings", "embeddings", RT_CLASS_embedding_generation},
	{"/text/rerank", "rerank", RT_CLASS_reranking},
	{NULL, NULL, 0},
};

static bool watsonx_claims(const struct http_head *head)
{
	return is_method(head, "POST") && begins_with(head->path, "/ml/v1/") &&
		genai_operation_of(operations, head->path);
}

static void watsonx_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	genai_begin(state, exchange, genai_operation_of(operations, head->path), "ibm.watsonx.ai");
}

static const struct rule request_rules[] = {
	{"model_id", RULE_PUT, GENAI_REQUEST_MODEL},
	{"max_tokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"top_p", RULE_PUT, GENAI_TOP_P},
	{"parameters.max_new_tokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"parameters.temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"parameters.top_p", RULE_PUT, GENAI_TOP_P},
	{"parameters.top_k", RULE_PUT, GENAI_TOP_K},
	{"parameters.random_seed", RULE_PUT, GENAI_SEED},
	{"parameters.return_options.top_n", RULE_PUT, GENAI_TOP_N},
	{"messages[]", RULE_COUNT, GENAI_MESSAGES},
	{"tools[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	RULES_END,
};

/* What "inputs" are. */
static const struct rule embed_rules[] = {
	{"inputs[]", RULE_COUNT, GENAI_EMBEDDING_INPUTS},
	RULES_END,
};
static const struct rule rerank_rules[] = {
	{"inputs[]", RULE_COUNT, GENAI_DOCUMENTS},
	RULES_END,
};

static void watsonx_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct genai *genai = state;

	genai_request(genai, exchange, request_rules, value);
	rules_apply(genai->operation->class == RT_CLASS_reranking ? rerank_rules : embed_rules,
		&genai->reading, exchange, value);
}

/* A stream of generation says 0 where it does not count, and sums what it does. */
static const struct rule response_rules[] = {
	{"results[].embedding", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"choices[].delta.content", RULE_TOKEN, NULL},
	{"choices[].delta.reasoning_content", RULE_TOKEN, NULL},
	{"choices[].delta.tool_calls[].function.arguments", RULE_TOKEN, NULL},
	{"results[].generated_text", RULE_TOKEN, NULL},
	{"choices[].finish_reason", RULE_FINISH, NULL},
	{"choices[].message.tool_calls[].function.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"choices[].delta.tool_calls[].function.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"id", RULE_PUT, GENAI_RESPONSE_ID},
	{"model_id", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"model", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"usage.prompt_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"usage.completion_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"input_token_count", RULE_PUT, GENAI_INPUT_TOKENS},
	{"results[].input_token_count", RULE_MAX, GENAI_INPUT_TOKENS},
	{"results[].generated_token_count", RULE_MAX, GENAI_OUTPUT_TOKENS},
	{"results[].score", RULE_COUNT, GENAI_RESULTS},
	{"errors[].code", RULE_ERROR, NULL},
	RULES_END,
};

static const struct rule stop_rules[] = {
	{"results[].stop_reason", RULE_FINISH, NULL},
	RULES_END,
};

static void watsonx_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct genai *genai = state;

	rules_apply(response_rules, &genai->reading, exchange, value);
	if (is_text(value) && !(value->size == 12 && !memcmp(value->text, "not_finished", 12)))
		rules_apply(stop_rules, &genai->reading, exchange, value);
}

const struct dialect dialect_watsonx = {
	.name = "watsonx",
	.state_size = sizeof(struct genai),
	.claims = watsonx_claims,
	.begin = watsonx_begin,
	.request_value = watsonx_request_value,
	.response_value = watsonx_response_value,
	.frame = genai_frame,
	.end = genai_end,
};
