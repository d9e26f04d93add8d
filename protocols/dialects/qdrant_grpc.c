/* SPDX-License-Identifier: Apache-2.0 */
/* Qdrant's Points and Collections services: field numbers of its points.proto, collections.proto.
 */
#include "protocols/dialects/grpc_store.h"
#include "wire/event.h"

static const struct rule collection[] = {{"1", RULE_PUT, STORE_COLLECTION}, RULES_END};
static const struct rule filter3_limit4[] = {{"1", RULE_PUT, STORE_COLLECTION},
	{"3", RULE_FLAG, STORE_FILTER}, {"4", RULE_PUT, STORE_K}, RULES_END};
static const struct rule filter4_limit5[] = {{"1", RULE_PUT, STORE_COLLECTION},
	{"4", RULE_FLAG, STORE_FILTER}, {"5", RULE_PUT, STORE_K}, RULES_END};
static const struct rule query[] = {{"1", RULE_PUT, STORE_COLLECTION},
	{"5", RULE_FLAG, STORE_FILTER}, {"8", RULE_PUT, STORE_K}, RULES_END};
static const struct rule query_groups[] = {
	{"1", RULE_PUT, STORE_COLLECTION}, {"5", RULE_FLAG, STORE_FILTER}, RULES_END};
static const struct rule search_batch[] = {{"1", RULE_PUT, STORE_COLLECTION},
	{"2", RULE_COUNT, STORE_BATCH}, {"2.3", RULE_FLAG, STORE_FILTER},
	{"2.4", RULE_MAX, STORE_K}, RULES_END};
static const struct rule recommend_batch[] = {{"1", RULE_PUT, STORE_COLLECTION},
	{"2", RULE_COUNT, STORE_BATCH}, {"2.4", RULE_FLAG, STORE_FILTER},
	{"2.5", RULE_MAX, STORE_K}, RULES_END};
static const struct rule query_batch[] = {{"1", RULE_PUT, STORE_COLLECTION},
	{"2", RULE_COUNT, STORE_BATCH}, {"2.5", RULE_FLAG, STORE_FILTER},
	{"2.8", RULE_MAX, STORE_K}, RULES_END};
static const struct rule scroll[] = {
	{"1", RULE_PUT, STORE_COLLECTION}, {"2", RULE_FLAG, STORE_FILTER}, RULES_END};
static const struct rule get[] = {
	{"1", RULE_PUT, STORE_COLLECTION}, {"2", RULE_COUNT, STORE_BATCH}, RULES_END};
static const struct rule upsert[] = {
	{"1", RULE_PUT, STORE_COLLECTION}, {"3", RULE_COUNT, STORE_BATCH}, RULES_END};
static const struct rule delete[] = {{"1", RULE_PUT, STORE_COLLECTION},
	{"3.1.1", RULE_COUNT, STORE_BATCH}, {"3.2", RULE_FLAG, STORE_FILTER}, RULES_END};

static const struct rule results1[] = {{"1", RULE_COUNT, STORE_ROWS}, RULES_END};
static const struct rule results2[] = {{"2", RULE_COUNT, STORE_ROWS}, RULES_END};
static const struct rule results_of_batch[] = {{"1.1", RULE_COUNT, STORE_ROWS}, RULES_END};

#define SEARCH RT_CLASS_vector_search
#define STORE RT_CLASS_database_query
static const struct grpc_method methods[] = {
	{"/qdrant.Points/Search", "search", SEARCH, filter3_limit4, results1},
	{"/qdrant.Points/SearchBatch", "search_batch", SEARCH, search_batch, results_of_batch},
	{"/qdrant.Points/SearchGroups", "search_groups", SEARCH, filter3_limit4, NULL},
	{"/qdrant.Points/Query", "query", SEARCH, query, results1},
	{"/qdrant.Points/QueryBatch", "query_batch", SEARCH, query_batch, results_of_batch},
	{"/qdrant.Points/QueryGroups", "query_groups", SEARCH, query_groups, NULL},
	{"/qdrant.Points/Recommend", "recommend", SEARCH, filter4_limit5, results1},
	{"/qdrant.Points/RecommendBatch", "recommend_batch", SEARCH, recommend_batch,
		results_of_batch},
	{"/qdrant.Points/Discover", "discover", SEARCH, filter4_limit5, results1},
	{"/qdrant.Points/Scroll", "scroll", STORE, scroll, results2},
	{"/qdrant.Points/Get", "get", STORE, get, results1},
	{"/qdrant.Points/Upsert", "upsert", STORE, upsert, NULL},
	{"/qdrant.Points/Delete", "delete", STORE, delete, NULL},
	{"/qdrant.Points/Count", "count", STORE, scroll, NULL},
	{"/qdrant.Points/", NULL, STORE, collection, NULL},
	{"/qdrant.Collections/List", NULL, STORE, NULL, NULL},
	{"/qdrant.Collections/", NULL, STORE, collection, NULL},
	{"/qdrant.Qdrant/", NULL, STORE, NULL, NULL},
	GRPC_METHODS_END,
};

static bool qdrant_claims(const struct http_head *head)
{
	return grpc_store_method(methods, head);
}

static void qdrant_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	grpc_store_begin(state, exchange, head, "qdrant", methods);
}

const struct dialect dialect_qdrant_grpc = {
	.name = "qdrant_grpc",
	.state_size = sizeof(struct grpc_store),
	.claims = qdrant_claims,
	.begin = qdrant_begin,
	.request_value = grpc_store_request_value,
	.response_value = grpc_store_response_value,
	.end = grpc_store_end,
};
