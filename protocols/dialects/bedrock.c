/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amazon Bedrock: converse and invoke, whole or as an event stream. What invoke carries is the
 * model's own language, when it streams as base64 in the chunks; the answer's headers and a last
 * chunk have the tokens whatever the model.
 */
#include <stdlib.h>

#include "protocols/content/json_walk.h"
#include "protocols/dialects/genai.h"
#include "wire/event.h"

struct bedrock {
	struct genai genai;
	bool header_tokens; /* the headers have said them: the body's are in another unit */
	struct exchange *exchange;
	struct json_walk chunk;
};

static const struct genai_operation operations[] = {
	{"/converse", "chat", RT_CLASS_llm_generation},
	{"/converse-stream", "chat", RT_CLASS_llm_generation},
	{"/invoke", "generate_content", RT_CLASS_llm_generation},
	{"/invoke-with-response-stream", "generate_content", RT_CLASS_llm_generation},
	{NULL, NULL, 0},
};
static const struct genai_operation embed = {
	"/invoke", "embeddings", RT_CLASS_embedding_generation};
static const struct genai_operation rerank = {"/invoke", "rerank", RT_CLASS_reranking};

static bool bedrock_claims(const struct http_head *head)
{
	return is_method(head, "POST") && begins_with(head->path, "/model/") &&
		genai_operation_of(operations, head->path);
}

/* /model/NAME/verb; NAME may be "arn%3Aaws%3Abedrock%3A...%2FNAME", with an account before it. */
static void put_model(struct exchange *exchange, const char *path)
{
	const char *name = path + strlen("/model/");
	const char *end = strrchr(name, '/');

	for (const char *at = name; at + 3 < end; at++) {
		if (!strncmp(at, "%2F", 3) || !strncmp(at, "%2f", 3))
			name = at + 3;
		else if (*at == '/')
			name = at + 1;
	}
	put_segment(exchange, GENAI_REQUEST_MODEL, name, (size_t)(end - name));
}

static void bedrock_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	const struct genai_operation *operation = genai_operation_of(operations, head->path);

	if (ends_with(head->path, embed.path_end) && strstr(head->path, "embed"))
		operation = &embed;
	else if (ends_with(head->path, rerank.path_end) && strstr(head->path, "rerank"))
		operation = &rerank;
	put_model(exchange, head->path);
	genai_begin(state, exchange, operation, "aws.bedrock");
}

static const struct rule request_rules[] = {
	{"inferenceConfig.maxTokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"inferenceConfig.temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"inferenceConfig.topP", RULE_PUT, GENAI_TOP_P},
	{"max_tokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"max_gen_len", RULE_PUT, GENAI_MAX_TOKENS},
	{"textGenerationConfig.maxTokenCount", RULE_PUT, GENAI_MAX_TOKENS},
	{"temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"top_p", RULE_PUT, GENAI_TOP_P},
	{"top_k", RULE_PUT, GENAI_TOP_K},
	{"messages[]", RULE_COUNT, GENAI_MESSAGES},
	{"tools[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	{"toolConfig.tools[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	{"texts[]", RULE_COUNT, GENAI_EMBEDDING_INPUTS},
	{"documents[]", RULE_COUNT, GENAI_DOCUMENTS},
	{"top_n", RULE_PUT, GENAI_TOP_N},
	RULES_END,
};

static const struct rule embed_rules[] = {
	{"inputText", RULE_INPUTS, GENAI_EMBEDDING_INPUTS},
	RULES_END,
};

static void bedrock_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct bedrock *bedrock = state;

	genai_request(&bedrock->genai, exchange, request_rules, value);
	if (bedrock->genai.operation == &embed)
		rules_apply(embed_rules, &bedrock->genai.reading, exchange, value);
}

/* Of converse, then of the models behind invoke. */
static const struct rule response_rules[] = {
	{"embedding", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"embeddings[]", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"embeddings.float[]", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"delta.text", RULE_TOKEN, NULL},
	{"delta.toolUse.input", RULE_TOKEN, NULL},
	{"delta.toolUse.input", RULE_SIZE, GENAI_TOOL_BYTES},
	{"delta.reasoningContent.text", RULE_TOKEN, NULL},
	{"start.toolUse.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"output.message.content[].toolUse.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"stopReason", RULE_FINISH, NULL},
	{"metrics.latencyMs", RULE_PUT, SERVER_MS},
	{"delta.thinking", RULE_TOKEN, NULL},
	{"delta.partial_json", RULE_TOKEN, NULL},
	{"delta.partial_json", RULE_SIZE, GENAI_TOOL_BYTES},
	{"content_block.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"content[].name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"stop_reason", RULE_FINISH, NULL},
	{"delta.stop_reason", RULE_FINISH, NULL},
	{"id", RULE_PUT, GENAI_RESPONSE_ID},
	{"message.id", RULE_PUT, GENAI_RESPONSE_ID},
	{"model", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"message.model", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"contentBlockDelta.delta.text", RULE_TOKEN, NULL},
	{"messageStop.stopReason", RULE_FINISH, NULL},
	{"generation", RULE_TOKEN, NULL},
	{"outputText", RULE_TOKEN, NULL},
	{"outputs[].text", RULE_TOKEN, NULL},
	{"choices[].delta.content", RULE_TOKEN, NULL},
	{"choices[].finish_reason", RULE_FINISH, NULL},
	{"results[].completionReason", RULE_FINISH, NULL},
	{"completionReason", RULE_FINISH, NULL},
	{"results[].relevance_score", RULE_COUNT, GENAI_RESULTS},
	{"amazon-bedrock-invocationMetrics.invocationLatency", RULE_PUT, SERVER_MS},
	RULES_END,
};

static const struct rule token_rules[] = {
	{"*usage.inputTokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"*usage.outputTokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"*usage.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"*usage.output_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"usage.prompt_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"usage.completion_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"prompt_token_count", RULE_PUT, GENAI_INPUT_TOKENS},
	{"generation_token_count", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"inputTextTokenCount", RULE_PUT, GENAI_INPUT_TOKENS},
	{"results[].tokenCount", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"amazon-bedrock-invocationMetrics.inputTokenCount", RULE_PUT, GENAI_INPUT_TOKENS},
	{"amazon-bedrock-invocationMetrics.outputTokenCount", RULE_PUT, GENAI_OUTPUT_TOKENS},
	RULES_END,
};

static const struct rule cache_rules[] = {
	{"*usage.cacheReadInputTokens", RULE_PUT, GENAI_CACHED_TOKENS},
	{"*usage.cacheReadInputTokenCount", RULE_PUT, GENAI_CACHED_TOKENS},
	{"*usage.cache_read_input_tokens", RULE_PUT, GENAI_CACHED_TOKENS},
	{"*usage.cacheWriteInputTokens", RULE_PUT, GENAI_CACHE_WRITE_TOKENS},
	{"*usage.cacheWriteInputTokenCount", RULE_PUT, GENAI_CACHE_WRITE_TOKENS},
	{"*usage.cache_creation_input_tokens", RULE_PUT, GENAI_CACHE_WRITE_TOKENS},
	RULES_END,
};

static void take_value(struct bedrock *bedrock, const struct dialect_value *value)
{
	struct reading *reading = &bedrock->genai.reading;

	rules_apply(response_rules, reading, bedrock->exchange, value);
	rules_apply(cache_rules, reading, bedrock->exchange, value);
	if (!bedrock->header_tokens)
		rules_apply(token_rules, reading, bedrock->exchange, value);
}

static void on_chunk_value(void *context, const struct dialect_value *value)
{
	take_value(context, value);
}

static int base64_digit(char c)
{
	return c >= 'A' && c <= 'Z'    ? c - 'A'
		: c >= 'a' && c <= 'z' ? c - 'a' + 26
		: c >= '0' && c <= '9' ? c - '0' + 52
		: c == '+' || c == '-' ? 62
		: c == '/' || c == '_' ? 63
				       : -1;
}

/* {"bytes": base64 of the model's own JSON} */
static void take_chunk(struct bedrock *bedrock, const struct dialect_value *value)
{
	uint8_t bytes[DIALECT_TEXT / 4 * 3 + 3];
	uint32_t bits = 0;
	size_t used = 0;

	for (size_t i = 0, digits = 0; i < value->size; i++) {
		int digit = base64_digit(value->text[i]);

		if (digit < 0)
			break;
		bits = bits << 6 | (uint32_t)digit;
		digits++;
		if (digits % 4 != 1)
			bytes[used++] = (uint8_t)(bits >> (8 - digits % 4 * 2) % 8);
	}
	json_walk_init(&bedrock->chunk, on_chunk_value, bedrock);
	json_walk_feed(&bedrock->chunk, bytes, used);
	json_walk_end(&bedrock->chunk);
	explicit_bzero(bytes, sizeof(bytes));
}

static void bedrock_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct bedrock *bedrock = state;

	bedrock->exchange = exchange;
	if (bedrock->genai.reading.streams && path_is(value, "bytes") && is_text(value))
		take_chunk(bedrock, value);
	else
		take_value(bedrock, value);
}

/* Events are named for their content; the name of an exception is the error. */
static void bedrock_frame(void *state, struct exchange *exchange, const char *event)
{
	genai_frame(state, exchange, event);
	if (*event == '!')
		rules_fail(exchange, event + 1);
}

static void bedrock_response_header(
	void *state, struct exchange *exchange, const char *name, const char *value)
{
	struct bedrock *bedrock = state;

	if (!begins_with(name, "x-amzn-bedrock-"))
		return;
	exchange_int(exchange,
		ends_with(name, "input-token-count") ? GENAI_INPUT_TOKENS : GENAI_OUTPUT_TOKENS,
		strtoll(value, NULL, 10));
	bedrock->header_tokens = true;
}

static void bedrock_end(void *state, struct exchange *exchange)
{
	struct bedrock *bedrock = state;

	genai_add(exchange, GENAI_INPUT_TOKENS, GENAI_CACHED_TOKENS);
	genai_add(exchange, GENAI_INPUT_TOKENS, GENAI_CACHE_WRITE_TOKENS);
	genai_end(&bedrock->genai, exchange);
	explicit_bzero(&bedrock->chunk, sizeof(bedrock->chunk));
}

const struct dialect dialect_bedrock = {
	.name = "bedrock",
	.state_size = sizeof(struct bedrock),
	.claims = bedrock_claims,
	.begin = bedrock_begin,
	.request_value = bedrock_request_value,
	.response_value = bedrock_response_value,
	.frame = bedrock_frame,
	.response_header = bedrock_response_header,
	.end = bedrock_end,
};
