/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI's API and what speaks like it: chat, responses, completions, embeddings; Azure OpenAI,
 * vLLM, LiteLLM, Ollama's /v1, llama.cpp, TGI, Groq, Mistral, DeepSeek, xAI, Together, OpenRouter.
 */
#include "protocols/dialects/genai.h"
#include "wire/event.h"

static const struct genai_operation operations[] = {
	{"/chat/completions", "chat", RT_CLASS_llm_generation},
	{"/completions", "text_completion", RT_CLASS_llm_generation},
	{"/v1/responses", "chat", RT_CLASS_llm_generation},
	{"/openai/responses", "chat", RT_CLASS_llm_generation},
	{"/embeddings", "embeddings", RT_CLASS_embedding_generation},
	{"/images/generations", "generate_content", RT_CLASS_llm_generation},
	{"/audio/speech", "generate_content", RT_CLASS_llm_generation},
	{"/audio/transcriptions", "generate_content", RT_CLASS_llm_generation},
	{"/v1/batches", "batch", RT_CLASS_llm_generation},
	{"/openai/batches", "batch", RT_CLASS_llm_generation},
	{NULL, NULL, 0},
};

static const struct {
	const char *host_end;
	const char *provider;
} providers[] = {
	{".openai.azure.com", "azure.ai.openai"},
	{".cognitiveservices.azure.com", "azure.ai.openai"},
	{"api.groq.com", "groq"},
	{"api.mistral.ai", "mistral_ai"},
	{"api.deepseek.com", "deepseek"},
	{"api.x.ai", "x_ai"},
	{"api.perplexity.ai", "perplexity"},
	{"api.moonshot.ai", "moonshot_ai"},
	{"api.together.xyz", "together_ai"},
	{"openrouter.ai", "openrouter"},
	{"api.voyageai.com", "voyage"},
	{"api.jina.ai", "jina"},
};

static bool openai_claims(const struct http_head *head)
{
	return is_method(head, "POST") && genai_operation_of(operations, head->path);
}

const char *genai_openai_provider(const struct http_head *head)
{
	for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); i++) {
		if (ends_with(head->host, providers[i].host_end))
			return providers[i].provider;
	}
	return strstr(head->path, "/openai/deployments/") ? "azure.ai.openai" : "openai";
}

/* Azure names the model in the path: .../openai/deployments/NAME/chat/completions */
static void put_deployment(struct exchange *exchange, const char *path)
{
	static const char before[] = "/deployments/";
	const char *name = strstr(path, before);

	if (!name)
		return;
	name += sizeof(before) - 1;
	put_segment(exchange, GENAI_REQUEST_MODEL, name, strcspn(name, "/"));
}

static void openai_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	put_deployment(exchange, head->path);
	genai_begin(state, exchange, genai_operation_of(operations, head->path),
		genai_openai_provider(head));
}

static const struct rule request_rules[] = {
	{"model", RULE_PUT, GENAI_REQUEST_MODEL},
	{"stream", RULE_PUT, GENAI_STREAM},
	{"max_tokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"max_completion_tokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"max_output_tokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"top_p", RULE_PUT, GENAI_TOP_P},
	{"n", RULE_PUT, "gen_ai.request.choice.count"},
	{"seed", RULE_PUT, GENAI_SEED},
	{"frequency_penalty", RULE_PUT, "gen_ai.request.frequency_penalty"},
	{"presence_penalty", RULE_PUT, "gen_ai.request.presence_penalty"},
	{"encoding_format", RULE_PUT, "gen_ai.request.encoding_formats"},
	{"response_format.type", RULE_PUT, GENAI_OUTPUT_TYPE},
	{"text.format.type", RULE_PUT, GENAI_OUTPUT_TYPE},
	{"reasoning.effort", RULE_PUT, "gen_ai.request.reasoning.level"},
	{"reasoning_effort", RULE_PUT, "gen_ai.request.reasoning.level"},
	{"messages[]", RULE_COUNT, GENAI_MESSAGES},
	{"tools[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	RULES_END,
};

/* "input" is what is embedded, or the messages of the responses API. */
static const struct rule embedding_rules[] = {
	{"input", RULE_INPUTS, GENAI_EMBEDDING_INPUTS},
	RULES_END,
};
static const struct rule message_rules[] = {
	{"input", RULE_INPUTS, GENAI_MESSAGES},
	RULES_END,
};

static void openai_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct genai *genai = state;

	genai_request(genai, exchange, request_rules, value);
	rules_apply(genai->operation->class == RT_CLASS_embedding_generation ? embedding_rules
									     : message_rules,
		&genai->reading, exchange, value);
}

static const struct rule response_rules[] = {
	{"data[].embedding", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"choices[].delta.content", RULE_TOKEN, NULL},
	{"choices[].delta.reasoning_content", RULE_TOKEN, NULL},
	{"choices[].delta.reasoning", RULE_TOKEN, NULL},
	{"choices[].delta.refusal", RULE_TOKEN, NULL},
	{"choices[].delta.tool_calls[].function.name", RULE_TOKEN, NULL},
	{"choices[].delta.tool_calls[].function.arguments", RULE_TOKEN, NULL},
	{"choices[].text", RULE_TOKEN, NULL},
	{"delta", RULE_TOKEN,
		NULL}, /* of the responses API: response.output_text.delta and its like */
	{"choices[].message.content", RULE_ANSWER, NULL},
	{"choices[].delta.content", RULE_ANSWER, NULL},
	{"output[].content[].text", RULE_ANSWER, NULL},
	{"choices[].finish_reason", RULE_FINISH, NULL},
	{"choices[].delta.tool_calls[].function.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"choices[].message.tool_calls[].function.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"item.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"output[].name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"choices[].delta.tool_calls[].function.arguments", RULE_SIZE, GENAI_TOOL_BYTES},
	{"choices[].message.tool_calls[].function.arguments", RULE_SIZE, GENAI_TOOL_BYTES},
	{"output[].arguments", RULE_SIZE, GENAI_TOOL_BYTES},
	{"response.output[].arguments", RULE_SIZE, GENAI_TOOL_BYTES},
	{"choices[].delta.tool_calls[].function.name", RULE_DIGEST, NULL},
	{"choices[].message.tool_calls[].function.name", RULE_DIGEST, NULL},
	{"output[].name", RULE_DIGEST, NULL},
	{"choices[].delta.tool_calls[].function.arguments", RULE_DIGEST, NULL},
	{"choices[].message.tool_calls[].function.arguments", RULE_DIGEST, NULL},
	{"output[].arguments", RULE_DIGEST, NULL},
	{"error.type", RULE_ERROR, NULL},
	{"error.code", RULE_ERROR, NULL},
	{"response.error.code", RULE_ERROR, NULL},
	{"id", RULE_PUT, GENAI_RESPONSE_ID},
	{"model", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"response.id", RULE_PUT, GENAI_RESPONSE_ID},
	{"response.model", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"usage.prompt_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"usage.completion_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"usage.prompt_tokens_details.cached_tokens", RULE_PUT, GENAI_CACHED_TOKENS},
	{"usage.completion_tokens_details.reasoning_tokens", RULE_PUT, GENAI_REASONING_TOKENS},
	{"usage.prompt_cache_hit_tokens", RULE_PUT, GENAI_CACHED_TOKENS}, /* DeepSeek */
	{"usage.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"usage.output_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"usage.input_tokens_details.cached_tokens", RULE_PUT, GENAI_CACHED_TOKENS},
	{"usage.output_tokens_details.reasoning_tokens", RULE_PUT, GENAI_REASONING_TOKENS},
	{"response.usage.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"response.usage.output_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"response.usage.input_tokens_details.cached_tokens", RULE_PUT, GENAI_CACHED_TOKENS},
	{"response.usage.output_tokens_details.reasoning_tokens", RULE_PUT, GENAI_REASONING_TOKENS},
	{"x_groq.usage.prompt_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"x_groq.usage.completion_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"service_tier", RULE_PUT, "openai.response.service_tier"},
	{"system_fingerprint", RULE_PUT, "openai.response.system_fingerprint"},
	RULES_END,
};

static const struct rule status_rules[] = {
	{"status", RULE_FINISH, NULL},
	{"response.status", RULE_FINISH, NULL},
	RULES_END,
};

/* Voyage and Jina say the total alone: of an embedding it is all input. */
static const struct rule total_rules[] = {
	{"usage.total_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	RULES_END,
};

/* A response object has a status from the first on: queued and in_progress are no end. */
static bool is_final(const struct dialect_value *value)
{
	return is_text(value) && !(value->size == 6 && !memcmp(value->text, "queued", 6)) &&
		!(value->size == 11 && !memcmp(value->text, "in_progress", 11));
}

static void openai_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct genai *genai = state;

	rules_apply(response_rules, &genai->reading, exchange, value);
	if (ends_with(genai->operation->path_end, "/responses") && is_final(value))
		rules_apply(status_rules, &genai->reading, exchange, value);
	if (genai->operation->class == RT_CLASS_embedding_generation &&
		!exchange_find(exchange, GENAI_INPUT_TOKENS))
		rules_apply(total_rules, &genai->reading, exchange, value);
}

const struct dialect dialect_openai = {
	.name = "openai",
	.state_size = sizeof(struct genai),
	.claims = openai_claims,
	.begin = openai_begin,
	.request_value = openai_request_value,
	.response_value = openai_response_value,
	.frame = genai_frame,
	.end = genai_end,
};
