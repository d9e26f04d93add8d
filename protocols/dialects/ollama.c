/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ollama's own API: chat, generate, embed. Its paths are such as anybody's server has: only an
 * answer of its shape, or its port, makes a request one.
 */
#include "protocols/dialects/genai.h"
#include "wire/event.h"

#define PORT 11434

struct ollama {
	struct genai genai;
	const struct genai_operation *operation;
};

static const struct genai_operation operations[] = {
	{"/api/chat", "chat", RT_CLASS_llm_generation},
	{"/api/generate", "text_completion", RT_CLASS_llm_generation},
	{"/api/embed", "embeddings", RT_CLASS_embedding_generation},
	{"/api/embeddings", "embeddings", RT_CLASS_embedding_generation},
	{NULL, NULL, 0},
};

static bool ollama_claims(const struct http_head *head)
{
	return is_method(head, "POST") && genai_operation_of(operations, head->path);
}

static void recognise(struct ollama *ollama, struct exchange *exchange)
{
	if (!ollama->genai.operation)
		genai_begin(&ollama->genai, exchange, ollama->operation, "ollama");
}

static void ollama_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	struct ollama *ollama = state;

	ollama->operation = genai_operation_of(operations, head->path);
	if (exchange->host->server_port == PORT || strstr(head->host, "ollama"))
		recognise(ollama, exchange);
}

static const struct rule request_rules[] = {
	{"model", RULE_PUT, GENAI_REQUEST_MODEL},
	{"stream", RULE_PUT, GENAI_STREAM},
	{"options.num_predict", RULE_PUT, GENAI_MAX_TOKENS},
	{"options.temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"options.top_p", RULE_PUT, GENAI_TOP_P},
	{"options.top_k", RULE_PUT, GENAI_TOP_K},
	{"options.seed", RULE_PUT, GENAI_SEED},
	{"messages[]", RULE_COUNT, GENAI_MESSAGES},
	{"tools[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	RULES_END,
};

static const struct rule embed_rules[] = {
	{"input", RULE_INPUTS, GENAI_EMBEDDING_INPUTS},
	{"prompt", RULE_INPUTS, GENAI_EMBEDDING_INPUTS},
	RULES_END,
};

static void ollama_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct ollama *ollama = state;

	genai_request(&ollama->genai, exchange, request_rules, value);
	if (ollama->operation->class == RT_CLASS_embedding_generation)
		rules_apply(embed_rules, &ollama->genai.reading, exchange, value);
}

static const struct rule response_rules[] = {
	{"embedding", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"embeddings[]", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"message.content", RULE_TOKEN, NULL},
	{"message.thinking", RULE_TOKEN, NULL},
	{"message.tool_calls[].function.name", RULE_TOKEN, NULL},
	{"response", RULE_TOKEN, NULL},
	{"thinking", RULE_TOKEN, NULL},
	{"message.tool_calls[].function.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"model", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"message.content", RULE_ANSWER, NULL},
	{"response", RULE_ANSWER, NULL},
	{"done_reason", RULE_FINISH, NULL},
	{"prompt_eval_count", RULE_PUT, GENAI_INPUT_TOKENS},
	{"eval_count", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"total_duration", RULE_MS_OF_NS, SERVER_MS},
	{"load_duration", RULE_MS_OF_NS, "ragtime.model_load_ms"},
	{"prompt_eval_duration", RULE_MS_OF_NS, "ragtime.prompt_eval_ms"},
	RULES_END,
};

static void ollama_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct ollama *ollama = state;

	if (path_is(value, "done") || path_is(value, "embedding") || path_is(value, "embeddings"))
		recognise(ollama, exchange);
	rules_apply(response_rules, &ollama->genai.reading, exchange, value);
	if (path_is(value, "done") && value->type == VALUE_BOOL && value->number)
		exchange->answered = true;
	/* a sentence: that there is one is the fact */
	if (path_is(value, "error") && is_text(value) && ollama->genai.reading.streams)
		rules_fail(exchange, "error");
}

const struct dialect dialect_ollama = {
	.name = "ollama",
	.state_size = sizeof(struct ollama),
	.claims = ollama_claims,
	.begin = ollama_begin,
	.request_value = ollama_request_value,
	.response_value = ollama_response_value,
	.frame = genai_frame,
	.end = genai_end,
};
