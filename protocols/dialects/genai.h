/* SPDX-License-Identifier: Apache-2.0 */
/* What the dialects of language models share: the names of facts, and all that no table says. */
#ifndef PROTOCOLS_DIALECTS_GENAI_H
#define PROTOCOLS_DIALECTS_GENAI_H

#include "protocols/dialects/rules.h"

#define GENAI_OPERATION "gen_ai.operation.name"
#define GENAI_PROVIDER "gen_ai.provider.name"
#define GENAI_REQUEST_MODEL "gen_ai.request.model"
#define GENAI_MAX_TOKENS "gen_ai.request.max_tokens"
#define GENAI_TEMPERATURE "gen_ai.request.temperature"
#define GENAI_TOP_P "gen_ai.request.top_p"
#define GENAI_TOP_K "gen_ai.request.top_k"
#define GENAI_SEED "gen_ai.request.seed"
#define GENAI_OUTPUT_TYPE "gen_ai.output.type"
#define GENAI_STREAM "gen_ai.request.stream"
#define GENAI_RESPONSE_MODEL "gen_ai.response.model"
#define GENAI_RESPONSE_ID "gen_ai.response.id"
#define GENAI_FINISH "gen_ai.response.finish_reasons"
/* Input counts tokens read from and written to a cache too; output counts reasoning too. */
#define GENAI_INPUT_TOKENS "gen_ai.usage.input_tokens"
#define GENAI_OUTPUT_TOKENS "gen_ai.usage.output_tokens"
#define GENAI_CACHED_TOKENS "gen_ai.usage.cache_read.input_tokens"
#define GENAI_CACHE_WRITE_TOKENS "gen_ai.usage.cache_creation.input_tokens"
#define GENAI_REASONING_TOKENS "gen_ai.usage.reasoning.output_tokens"
#define GENAI_AUDIO_INPUT_TOKENS "ragtime.audio_input_tokens"
#define GENAI_AUDIO_OUTPUT_TOKENS "ragtime.audio_output_tokens"
#define GENAI_EMBEDDING_INPUTS "ragtime.embedding_inputs"
#define GENAI_EMBEDDING_DIMENSIONS "gen_ai.embeddings.dimension.count"
#define GENAI_DOCUMENTS "ragtime.rerank_documents"
#define GENAI_TOP_N "ragtime.rerank_top_n"
#define GENAI_RESULTS "ragtime.rerank_results"
#define GENAI_TOOLS_OFFERED "ragtime.tools_offered"
#define GENAI_TOOLS_CALLED "ragtime.tools_called"
#define GENAI_TOOL_BYTES "ragtime.tool_argument_bytes"
#define GENAI_TOOL_HASH "ragtime.tool_argument_hash"
#define GENAI_MESSAGES "ragtime.messages"
/* "json", "broken", or "text" where JSON was asked for. */
#define GENAI_ANSWER_FORM "ragtime.answer_form"

/* An operation that a path's end tells. Tables end with a NULL path_end. */
struct genai_operation {
	const char *path_end;
	const char *name;
	uint32_t class;
};
const struct genai_operation *genai_operation_of(
	const struct genai_operation *operations, const char *path);

/* Every state of such a dialect begins with this. */
struct genai {
	struct reading reading;
	const struct genai_operation *operation; /* NULL: not known to be one yet */
	/* of what makes two requests the same, and of the beginning a prompt cache could reuse */
	uint64_t hash, prefix_hash;
	uint64_t hashed_bytes;
};

/* Class, operation, provider (NULL: unknown) and a name. */
void genai_begin(struct genai *genai, struct exchange *exchange,
	const struct genai_operation *operation, const char *provider);

void genai_request(struct genai *genai, struct exchange *exchange, const struct rule *rules,
	const struct dialect_value *value);

/* dialect.frame: what comes in frames streams. */
void genai_frame(void *state, struct exchange *exchange, const char *event);

/* dialect.end; a request that has not begun stays what it was. */
void genai_end(void *state, struct exchange *exchange);

/* Who answers in OpenAI's way: by host, and by Azure's paths. */
const char *genai_openai_provider(const struct http_head *head);

/* Adds a part that the API counts apart to a total that is known. */
void genai_add(struct exchange *exchange, const char *total, const char *part);

#endif
