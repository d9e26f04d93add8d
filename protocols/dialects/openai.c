/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI's API and what speaks like it: chat, responses, completions, embeddings; Azure OpenAI,
 * vLLM, LiteLLM, Ollama's /v1, llama.cpp, TGI, Groq, Mistral, DeepSeek, xAI, Together, OpenRouter.
 */
#include "protocols/dialects/genai.h"
#include "wire/event.h"

struct openai {
	const struct operation *operation;
	struct genai_hash hash;
	uint64_t inputs;
	uint64_t messages;
	uint64_t tools;
	uint64_t dimensions;
	bool streams;
	bool first_vector_done;
};

static const struct operation {
	const char *path_end;
	const char *name;
	uint32_t class;
} operations[] = {
	{"/chat/completions", "chat", RT_CLASS_llm_generation},
	{"/completions", "text_completion", RT_CLASS_llm_generation},
	{"/responses", "chat", RT_CLASS_llm_generation},
	{"/embeddings", "embeddings", RT_CLASS_embedding_generation},
	{"/images/generations", "generate_content", RT_CLASS_llm_generation},
	{"/audio/speech", "generate_content", RT_CLASS_llm_generation},
	{"/audio/transcriptions", "generate_content", RT_CLASS_llm_generation},
	{"/batches", "batch", RT_CLASS_llm_generation},
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
};

static const struct operation *operation_of(const char *path)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		if (ends_with(path, operations[i].path_end))
			return &operations[i];
	}
	return NULL;
}

static bool openai_claims(const struct http_head *head)
{
	return !strcmp(head->method, "POST") && !head->is_grpc && operation_of(head->path);
}

static const char *provider_of(const struct http_head *head)
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
	exchange_text(exchange, GENAI_REQUEST_MODEL, name, strcspn(name, "/"));
}

static void openai_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	struct openai *openai = state;

	openai->operation = operation_of(head->path);
	exchange->class = openai->operation->class;
	exchange_string(exchange, GENAI_OPERATION, openai->operation->name);
	exchange_string(exchange, GENAI_PROVIDER, provider_of(head));
	put_deployment(exchange, head->path);
	genai_name(exchange);
}

static const struct genai_field request_fields[] = {
	{"model", GENAI_REQUEST_MODEL},
	{"stream", GENAI_STREAM},
	{"max_tokens", "gen_ai.request.max_tokens"},
	{"max_completion_tokens", "gen_ai.request.max_tokens"},
	{"max_output_tokens", "gen_ai.request.max_tokens"},
	{"temperature", "gen_ai.request.temperature"},
	{"top_p", "gen_ai.request.top_p"},
	{"n", "gen_ai.request.choice.count"},
	{"seed", "gen_ai.request.seed"},
	{"frequency_penalty", "gen_ai.request.frequency_penalty"},
	{"presence_penalty", "gen_ai.request.presence_penalty"},
	{"encoding_format", "gen_ai.request.encoding_formats"},
	{"response_format.type", "gen_ai.output.type"},
	{"reasoning.effort", "gen_ai.request.reasoning.level"},
	{"reasoning_effort", "gen_ai.request.reasoning.level"},
	{NULL, NULL},
};

static void count_inputs(struct openai *openai, const struct dialect_value *value)
{
	bool is_one = path_is(value, "input") && value->type == VALUE_STRING;
	bool is_element = path_is(value, "input[]") &&
		(value->type == VALUE_STRING || value->type == VALUE_OPEN);

	/* a list of token numbers is one input */
	if (path_is(value, "input[]") && value->type == VALUE_INT && !openai->inputs)
		openai->inputs = 1;
	openai->inputs += is_one || is_element;
}

static void openai_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct openai *openai = state;

	if (value->type != VALUE_OPEN && value->type != VALUE_CLOSE)
		genai_hash_add(&openai->hash, exchange, value);
	if (genai_put_field(exchange, request_fields, value)) {
		if (path_is(value, "stream"))
			openai->streams = value->type == VALUE_BOOL && value->number;
		return;
	}
	count_inputs(openai, value);
	if (path_is(value, "messages[]") && value->type == VALUE_OPEN)
		openai->messages++;
	else if (path_is(value, "tools[]") && value->type == VALUE_OPEN)
		openai->tools++;
}

static const struct genai_field response_fields[] = {
	{"id", GENAI_RESPONSE_ID},
	{"model", GENAI_RESPONSE_MODEL},
	{"response.id", GENAI_RESPONSE_ID},
	{"response.model", GENAI_RESPONSE_MODEL},
	{"usage.prompt_tokens", GENAI_INPUT_TOKENS},
	{"usage.completion_tokens", GENAI_OUTPUT_TOKENS},
	{"usage.prompt_tokens_details.cached_tokens", GENAI_CACHED_TOKENS},
	{"usage.completion_tokens_details.reasoning_tokens", GENAI_REASONING_TOKENS},
	{"usage.input_tokens", GENAI_INPUT_TOKENS},
	{"usage.output_tokens", GENAI_OUTPUT_TOKENS},
	{"usage.input_tokens_details.cached_tokens", GENAI_CACHED_TOKENS},
	{"usage.output_tokens_details.reasoning_tokens", GENAI_REASONING_TOKENS},
	{"response.usage.input_tokens", GENAI_INPUT_TOKENS},
	{"response.usage.output_tokens", GENAI_OUTPUT_TOKENS},
	{"response.usage.input_tokens_details.cached_tokens", GENAI_CACHED_TOKENS},
	{"response.usage.output_tokens_details.reasoning_tokens", GENAI_REASONING_TOKENS},
	{"x_groq.usage.prompt_tokens", GENAI_INPUT_TOKENS},
	{"x_groq.usage.completion_tokens", GENAI_OUTPUT_TOKENS},
	{"service_tier", "openai.response.service_tier"},
	{"system_fingerprint", "openai.response.system_fingerprint"},
	{NULL, NULL},
};

/* Which members of a streamed frame are content that somebody waits for. */
static const char *content_kind(const struct dialect_value *value)
{
	static const char *const paths[] = {
		"choices[].delta.content", "choices[].delta.reasoning_content",
		"choices[].delta.reasoning", "choices[].delta.refusal",
		"choices[].delta.tool_calls[].function.name",
		"choices[].delta.tool_calls[].function.arguments", "choices[].text",
		"delta", /* of the responses API: response.output_text.delta and its like */
	};

	for (size_t i = 0; is_text(value) && i < sizeof(paths) / sizeof(*paths); i++) {
		if (path_is(value, paths[i]))
			return paths[i];
	}
	return NULL;
}

static void count_dimensions(
	struct openai *openai, struct exchange *exchange, const struct dialect_value *value)
{
	if (openai->first_vector_done)
		return;
	if (path_is(value, "data[].embedding[]")) {
		openai->dimensions++;
	} else if (path_is(value, "data[].embedding") && value->type == VALUE_STRING) {
		/* base64 of 32-bit floats */
		openai->dimensions = value->whole * 3 / 4 / 4;
		openai->first_vector_done = true;
	} else if (path_is(value, "data[].embedding") && value->type == VALUE_CLOSE) {
		openai->first_vector_done = true;
	}
	if (openai->first_vector_done)
		exchange_int(exchange, GENAI_EMBEDDING_DIMENSIONS, (int64_t)openai->dimensions);
}

static void openai_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct openai *openai = state;
	const char *kind = openai->streams ? content_kind(value) : NULL;

	if (kind)
		exchange_token(exchange, exchange->end, kind);
	if (value->type == VALUE_NULL || genai_put_field(exchange, response_fields, value))
		return;
	if (path_is(value, "choices[].finish_reason") || path_is(value, "response.status")) {
		genai_put_name(exchange, GENAI_FINISH, value);
		exchange->answered = true;
	}
	if (path_is(value, "choices[].delta.tool_calls[].function.name") ||
		path_is(value, "choices[].message.tool_calls[].function.name") ||
		path_is(value, "item.name") || path_is(value, "output[].name"))
		genai_put_name(exchange, GENAI_TOOLS_CALLED, value);
	else if ((path_is(value, "error.type") || path_is(value, "error.code")) && is_text(value))
		exchange_text(exchange, "error.type", value->text, value->size);
	else
		count_dimensions(openai, exchange, value);
}

/* Within a frame the moment is the frame's. */
static void openai_frame(void *state, struct exchange *exchange, const char *event, uint64_t ticks)
{
	(void)state;
	(void)event;
	exchange->end = ticks;
}

static void openai_end(void *state, struct exchange *exchange, uint64_t ticks)
{
	const struct openai *openai = state;

	exchange->end = ticks;
	if (openai->inputs)
		exchange_int(exchange, GENAI_EMBEDDING_INPUTS, (int64_t)openai->inputs);
	if (openai->messages)
		exchange_int(exchange, GENAI_MESSAGES, (int64_t)openai->messages);
	if (openai->tools)
		exchange_int(exchange, GENAI_TOOLS_OFFERED, (int64_t)openai->tools);
	genai_hash_put(&openai->hash, exchange);
	genai_name(exchange);
}

const struct dialect dialect_openai = {
	.name = "openai",
	.state_size = sizeof(struct openai),
	.claims = openai_claims,
	.begin = openai_begin,
	.request_value = openai_request_value,
	.response_value = openai_response_value,
	.frame = openai_frame,
	.end = openai_end,
};
