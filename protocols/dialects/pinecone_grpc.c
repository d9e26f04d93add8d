/* SPDX-License-Identifier: Apache-2.0 */
/* Pinecone's VectorService. An index is a host of its own: "index-project.svc.region.pinecone.io".
 */
#include "protocols/dialects/grpc_store.h"
#include "wire/event.h"

static const struct rule query[] = {{"1", RULE_PUT, STORE_NAMESPACE}, {"2", RULE_PUT, STORE_K},
	{"3", RULE_FLAG, STORE_FILTER}, {"6", RULE_COUNT, STORE_BATCH}, RULES_END};
static const struct rule matches[] = {{"2", RULE_COUNT, STORE_ROWS}, RULES_END};
static const struct rule upsert[] = {
	{"1", RULE_COUNT, STORE_BATCH}, {"2", RULE_PUT, STORE_NAMESPACE}, RULES_END};
static const struct rule fetched[] = {{"1", RULE_COUNT, STORE_ROWS}, RULES_END};
static const struct rule delete[] = {{"1", RULE_COUNT, STORE_BATCH},
	{"3", RULE_PUT, STORE_NAMESPACE}, {"4", RULE_FLAG, STORE_FILTER}, RULES_END};
static const struct rule update[] = {{"5", RULE_PUT, STORE_NAMESPACE}, RULES_END};
static const struct rule list[] = {{"4", RULE_PUT, STORE_NAMESPACE}, RULES_END};

static const struct grpc_method methods[] = {
	{"/VectorService/Query", "query", RT_CLASS_vector_search, query, matches},
	{"/VectorService/Upsert", "upsert", RT_CLASS_database_query, upsert, NULL},
	{"/VectorService/Fetch", "fetch", RT_CLASS_database_query, upsert, fetched},
	{"/VectorService/Delete", "delete", RT_CLASS_database_query, delete, NULL},
	{"/VectorService/Update", "update", RT_CLASS_database_query, update, NULL},
	{"/VectorService/List", "list", RT_CLASS_database_query, list, NULL},
	{"/VectorService/", NULL, RT_CLASS_database_query, NULL, NULL},
	GRPC_METHODS_END,
};

static bool pinecone_claims(const struct http_head *head)
{
	return grpc_store_method(methods, head);
}

static void put_index(struct exchange *exchange, const char *host)
{
	size_t label = strcspn(host, "."), size = label;

	if (!ends_with(host, ".pinecone.io"))
		return;
	while (size && host[size - 1] != '-')
		size--;
	put_segment(exchange, STORE_COLLECTION, host, size > 1 ? size - 1 : label);
}

static void pinecone_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	grpc_store_begin(state, exchange, head, "pinecone", methods);
	put_index(exchange, head->host);
}

const struct dialect dialect_pinecone_grpc = {
	.name = "pinecone_grpc",
	.state_size = sizeof(struct grpc_store),
	.claims = pinecone_claims,
	.begin = pinecone_begin,
	.request_value = grpc_store_request_value,
	.response_value = grpc_store_response_value,
	.end = grpc_store_end,
};
