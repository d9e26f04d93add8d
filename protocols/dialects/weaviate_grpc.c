/* SPDX-License-Identifier: Apache-2.0 */
/* Weaviate's gRPC service. Its one search is by vector, by words or by filter alone. */
#include <stdlib.h>

#include "protocols/dialects/grpc_store.h"
#include "wire/event.h"

static const struct rule search[] = {{"1", RULE_PUT, STORE_COLLECTION}, {"30", RULE_PUT, STORE_K},
	{"40", RULE_FLAG, STORE_FILTER}, RULES_END};
static const struct rule results[] = {{"2", RULE_COUNT, STORE_ROWS}, RULES_END};
static const struct rule objects[] = {
	{"1", RULE_COUNT, STORE_BATCH}, {"1.4", RULE_PUT, STORE_COLLECTION}, RULES_END};
static const struct rule delete[] = {
	{"1", RULE_PUT, STORE_COLLECTION}, {"2", RULE_FLAG, STORE_FILTER}, RULES_END};
static const struct rule aggregate[] = {
	{"1", RULE_PUT, STORE_COLLECTION}, {"40", RULE_FLAG, STORE_FILTER}, RULES_END};
static const struct rule collection[] = {{"1", RULE_PUT, STORE_COLLECTION}, RULES_END};

#define SERVICE "/weaviate.v1.Weaviate/"
static const struct grpc_method methods[] = {
	{SERVICE "Search", "search", RT_CLASS_database_query, search, results},
	{SERVICE "BatchObjects", "batch_objects", RT_CLASS_database_query, objects, NULL},
	{SERVICE "BatchDelete", "batch_delete", RT_CLASS_database_query, delete, NULL},
	{SERVICE "Aggregate", "aggregate", RT_CLASS_database_query, aggregate, NULL},
	{SERVICE "TenantsGet", "tenants_get", RT_CLASS_database_query, collection, NULL},
	{SERVICE, NULL, RT_CLASS_database_query, NULL, NULL},
	GRPC_METHODS_END,
};

static bool weaviate_claims(const struct http_head *head)
{
	return grpc_store_method(methods, head);
}

static void weaviate_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	grpc_store_begin(state, exchange, head, "weaviate", methods);
}

/* hybrid_search is 41, bm25_search 42, near_vector and all its like 43 to 51 */
static void weaviate_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	const struct grpc_store *store = state;
	long field = strtol(value->path, NULL, 10);

	grpc_store_request_value(state, exchange, value);
	if (store->method->request == search && field >= 41 && field <= 51 && field != 42)
		exchange->class = RT_CLASS_vector_search;
}

const struct dialect dialect_weaviate_grpc = {
	.name = "weaviate_grpc",
	.state_size = sizeof(struct grpc_store),
	.claims = weaviate_claims,
	.begin = weaviate_begin,
	.request_value = weaviate_request_value,
	.response_value = grpc_store_response_value,
	.end = grpc_store_end,
};
