/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rerank as Cohere, Voyage, Jina, TEI, vLLM and LiteLLM have it, and TEI's own embed. (Voyage's and
 * Jina's embeddings are OpenAI's.)
 */
#include "protocols/dialects/genai.h"
#include "wire/event.h"

static const struct genai_operation operations[] = {
	{"/rerank", "rerank", RT_CLASS_reranking},
	{"/embed", "embeddings", RT_CLASS_embedding_generation},
	{"/embed_all", "embeddings", RT_CLASS_embedding_generation},
	{"/embed_sparse", "embeddings", RT_CLASS_embedding_generation},
	{NULL, NULL, 0},
};

static const struct {
	const char *host_part;
	const char *provider;
} providers[] = {
	{"cohere.", "cohere"},
	{"voyageai.com", "voyage"},
	{"jina.ai", "jina"},
	{"together.", "together_ai"},
	{"pinecone.io", "pinecone"},
};

static const char *provider_of(const struct http_head *head)
{
	for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); i++) {
		if (strstr(head->host, providers[i].host_part))
			return providers[i].provider;
	}
	return ends_with(head->path, "/v2/rerank") ? "cohere" : NULL;
}

static bool embedders_claims(const struct http_head *head)
{
	return is_method(head, "POST") && genai_operation_of(operations, head->path);
}

static void embedders_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	genai_begin(state, exchange, genai_operation_of(operations, head->path), provider_of(head));
}

static const struct rule request_rules[] = {
	{"model", RULE_PUT, GENAI_REQUEST_MODEL},
	{"documents[]", RULE_COUNT, GENAI_DOCUMENTS},
	{"texts[]", RULE_COUNT, GENAI_DOCUMENTS},
	{"top_n", RULE_PUT, GENAI_TOP_N},
	{"top_k", RULE_PUT, GENAI_TOP_N},
	{"inputs", RULE_INPUTS, GENAI_EMBEDDING_INPUTS},
	RULES_END,
};

static void embedders_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	genai_request(state, exchange, request_rules, value);
}

static const struct rule response_rules[] = {
	{"model", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"id", RULE_PUT, GENAI_RESPONSE_ID},
	{"results[]", RULE_COUNT, GENAI_RESULTS},
	{"data[]", RULE_COUNT, GENAI_RESULTS},
	{"usage.total_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"meta.billed_units.search_units", RULE_PUT, "ragtime.search_units"},
	{"meta.tokens.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"error_type", RULE_ERROR, NULL},
	RULES_END,
};

/* TEI answers with nothing but an array: of scores, or of vectors. */
static const struct rule score_rules[] = {
	{"[].score", RULE_COUNT, GENAI_RESULTS},
	RULES_END,
};
static const struct rule vector_rules[] = {
	{"[]", RULE_VECTOR, GENAI_EMBEDDING_DIMENSIONS},
	RULES_END,
};

static void embedders_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct genai *genai = state;
	bool is_rerank = genai->operation->class == RT_CLASS_reranking;

	rules_apply(response_rules, &genai->reading, exchange, value);
	rules_apply(is_rerank ? score_rules : vector_rules, &genai->reading, exchange, value);
}

const struct dialect dialect_embedders = {
	.name = "embedders",
	.state_size = sizeof(struct genai),
	.claims = embedders_claims,
	.begin = embedders_begin,
	.request_value = embedders_request_value,
	.response_value = embedders_response_value,
	.frame = genai_frame,
	.end = genai_end,
};
