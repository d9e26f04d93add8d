/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemini, of Google AI and of Vertex AI: generateContent, streamGenerateContent (server-sent
 * events, or one JSON array whose elements come one by one), embedContent, batchEmbedContents,
 * predict.
 */
#include "protocols/dialects/genai.h"
#include "wire/event.h"

static const struct genai_operation operations[] = {
	{":generateContent", "generate_content", RT_CLASS_llm_generation},
	{":streamGenerateContent", "generate_content", RT_CLASS_llm_generation},
	{":embedContent", "embeddings", RT_CLASS_embedding_generation},
	{":batchEmbedContents", "embeddings", RT_CLASS_embedding_generation},
	{":predict", "embeddings", RT_CLASS_embedding_generation},
	{NULL, NULL, 0},
};

static bool gemini_claims(const struct http_head *head)
{
	/* :predict serves every model: those of embeddings are named so */
	if (ends_with(head->path, ":predict") && !strstr(head->path, "embedding"))
		return false;
	return is_method(head, "POST") && genai_operation_of(operations, head->path);
}

/* .../models/NAME:verb, of Vertex also .../endpoints/NUMBER:verb */
static void gemini_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	const char *model = strrchr(head->path, '/');
	struct genai *genai = state;

	if (model)
		put_segment(exchange, GENAI_REQUEST_MODEL, model + 1, strcspn(model + 1, ":"));
	genai_begin(genai, exchange, genai_operation_of(operations, head->path),
		strstr(head->path, "/projects/") ? "gcp.vertex_ai" : "gcp.gemini");
	if (ends_with(head->path, ":streamGenerateContent"))
		genai_frame(state, exchange, "");
}

static const struct rule request_rules[] = {
	{"contents[]", RULE_COUNT, GENAI_MESSAGES},
	{"tools[].functionDeclarations[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	{"tools[].function_declarations[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	{"generationConfig.maxOutputTokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"generationConfig.temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"generationConfig.topP", RULE_PUT, GENAI_TOP_P},
	{"generationConfig.topK", RULE_PUT, GENAI_TOP_K},
	{"generationConfig.seed", RULE_PUT, GENAI_SEED},
	{"generationConfig.candidateCount", RULE_PUT, "gen_ai.request.choice.count"},
	{"content", RULE_COUNT, GENAI_EMBEDDING_INPUTS},
	{"requests[]", RULE_COUNT, GENAI_EMBEDDING_INPUTS},
	{"instances[]", RULE_COUNT, GENAI_EMBEDDING_INPUTS},
	RULES_END,
};

static void gemini_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	genai_request(state, exchange, request_rules, value);
}

static const struct rule response_rules[] = {
	{"embedding.values", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"embeddings[].values", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"predictions[].embeddings.values", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	{"candidates[].content.parts[].text", RULE_TOKEN, NULL},
	{"candidates[].content.parts[].functionCall.name", RULE_TOKEN, NULL},
	{"candidates[].content.parts[].functionCall.name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"candidates[].content.parts[].text", RULE_ANSWER, NULL},
	{"candidates[].finishReason", RULE_FINISH, NULL},
	{"responseId", RULE_PUT, GENAI_RESPONSE_ID},
	{"modelVersion", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"usageMetadata.promptTokenCount", RULE_PUT, GENAI_INPUT_TOKENS},
	{"usageMetadata.candidatesTokenCount", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"usageMetadata.cachedContentTokenCount", RULE_PUT, GENAI_CACHED_TOKENS},
	{"usageMetadata.thoughtsTokenCount", RULE_PUT, GENAI_REASONING_TOKENS},
	{"error.status", RULE_ERROR, NULL},
	RULES_END,
};

static void gemini_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct dialect_value element = *value;
	struct genai *genai = state;

	if (begins_with(element.path, "[]."))
		element.path += 3;
	rules_apply(response_rules, &genai->reading, exchange, &element);
	/* predict counts each input's tokens apart */
	if (path_is(value, "predictions[].embeddings.statistics.token_count")) {
		const struct exchange_fact *before = exchange_find(exchange, GENAI_INPUT_TOKENS);

		exchange_int(exchange, GENAI_INPUT_TOKENS,
			(before ? before->number : 0) + (int64_t)value->real);
	}
}

static void gemini_end(void *state, struct exchange *exchange)
{
	genai_add(exchange, GENAI_OUTPUT_TOKENS, GENAI_REASONING_TOKENS);
	genai_end(state, exchange);
}

const struct dialect dialect_gemini = {
	.name = "gemini",
	.state_size = sizeof(struct genai),
	.claims = gemini_claims,
	.begin = gemini_begin,
	.request_value = gemini_request_value,
	.response_value = gemini_response_value,
	.frame = genai_frame,
	.end = gemini_end,
};
