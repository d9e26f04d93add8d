/* SPDX-License-Identifier: Apache-2.0 */
/* What the dialects of language models share: names of facts, and small tests on paths. */
#ifndef PROTOCOLS_DIALECTS_GENAI_H
#define PROTOCOLS_DIALECTS_GENAI_H

#include <string.h>

#include "protocols/dialect.h"

#define GENAI_OPERATION "gen_ai.operation.name"
#define GENAI_PROVIDER "gen_ai.provider.name"
#define GENAI_REQUEST_MODEL "gen_ai.request.model"
#define GENAI_RESPONSE_MODEL "gen_ai.response.model"
#define GENAI_RESPONSE_ID "gen_ai.response.id"
#define GENAI_FINISH "gen_ai.response.finish_reasons"
#define GENAI_STREAM "gen_ai.request.stream"
#define GENAI_INPUT_TOKENS "gen_ai.usage.input_tokens"
#define GENAI_OUTPUT_TOKENS "gen_ai.usage.output_tokens"
#define GENAI_CACHED_TOKENS "gen_ai.usage.cache_read.input_tokens"
#define GENAI_CACHE_WRITE_TOKENS "gen_ai.usage.cache_creation.input_tokens"
#define GENAI_REASONING_TOKENS "gen_ai.usage.reasoning.output_tokens"
#define GENAI_EMBEDDING_INPUTS "ragtime.embedding_inputs"
#define GENAI_EMBEDDING_DIMENSIONS "gen_ai.embeddings.dimension.count"
#define GENAI_TOOLS_OFFERED "ragtime.tools_offered"
#define GENAI_TOOLS_CALLED "ragtime.tools_called"
#define GENAI_MESSAGES "ragtime.messages"

static inline bool path_is(const struct dialect_value *value, const char *path)
{
	return !strcmp(value->path, path);
}

static inline bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), wanted = strlen(end);

	return size >= wanted && !strcmp(text + size - wanted, end);
}

static inline bool is_text(const struct dialect_value *value)
{
	return value->type == VALUE_STRING && value->size;
}

/* A row of a table from paths to facts: a number stays one, a text is kept. */
struct genai_field {
	const char *path;
	const char *key;
};

/* True where the value was one of the fields (ended by a NULL path) and has been put. */
bool genai_put_field(struct exchange *exchange, const struct genai_field *fields,
	const struct dialect_value *value);

/* Adds a name to a list "a,b" unless it is there. */
void genai_put_name(struct exchange *exchange, const char *key, const struct dialect_value *value);

/* The exchange is named "operation model", the model as asked for where that is known. */
void genai_name(struct exchange *exchange);

/*
 * The running hash of what makes two requests the same, and of the beginning that a prompt cache
 * could reuse: both keyed.
 */
struct genai_hash {
	uint64_t whole;
	uint64_t prefix;
	uint64_t bytes;
};
void genai_hash_add(
	struct genai_hash *hash, struct exchange *exchange, const struct dialect_value *value);
void genai_hash_put(const struct genai_hash *hash, struct exchange *exchange);

#endif
