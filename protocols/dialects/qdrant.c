/* SPDX-License-Identifier: Apache-2.0 */
/* Qdrant's points over REST. */
#include "protocols/dialects/db.h"
#include "wire/event.h"

static const struct db_operation operations[] = {
	{"POST", "/points/search", "search", RT_CLASS_vector_search},
	{"POST", "/points/search/batch", "search_batch", RT_CLASS_vector_search},
	{"POST", "/points/search/groups", "search_groups", RT_CLASS_vector_search},
	{"POST", "/points/query", "query", RT_CLASS_vector_search},
	{"POST", "/points/query/batch", "query_batch", RT_CLASS_vector_search},
	{"POST", "/points/query/groups", "query_groups", RT_CLASS_vector_search},
	{"POST", "/points/recommend", "recommend", RT_CLASS_vector_search},
	{"POST", "/points/recommend/batch", "recommend_batch", RT_CLASS_vector_search},
	{"POST", "/points/discover", "discover", RT_CLASS_vector_search},
	{"POST", "/points/scroll", "scroll", RT_CLASS_database_query},
	{"POST", "/points/count", "count", RT_CLASS_database_query},
	{"POST", "/points/delete", "delete", RT_CLASS_database_query},
	{"POST", "/points/batch", "batch_update", RT_CLASS_database_query},
	{"POST", "/points/payload/delete", "delete_payload", RT_CLASS_database_query},
	{NULL, "/points/payload", "set_payload", RT_CLASS_database_query},
	{"PUT", "/points/vectors", "update_vectors", RT_CLASS_database_query},
	{"PUT", "/points", "upsert", RT_CLASS_database_query},
	{"POST", "/points", "retrieve", RT_CLASS_database_query},
	{NULL, NULL, NULL, 0},
};

static bool qdrant_claims(const struct http_head *head)
{
	return !head->is_grpc && strstr(head->path, "/collections/") &&
		db_operation_of(operations, head);
}

static void qdrant_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	db_put_collection(exchange, head->path, "/collections/");
	db_begin(state, exchange, db_operation_of(operations, head), "qdrant");
}

static const struct rule request_rules[] = {
	{"limit", RULE_PUT, DB_K},
	{"top", RULE_PUT, DB_K},
	{"searches[].limit", RULE_PUT, DB_K},
	{"filter", RULE_FLAG, DB_FILTER},
	{"searches[].filter", RULE_FLAG, DB_FILTER},
	{"searches[]", RULE_COUNT, DB_BATCH},
	{"points[]", RULE_COUNT, DB_BATCH},
	{"batch.ids[]", RULE_COUNT, DB_BATCH},
	{"ids[]", RULE_COUNT, DB_BATCH},
	RULES_END,
};

static void qdrant_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	db_request(state, exchange, request_rules, value);
}

/* Hits have an id each, in whatever shape they come. */
static const struct rule response_rules[] = {
	{"result[].id", RULE_COUNT, DB_ROWS},
	{"result[][].id", RULE_COUNT, DB_ROWS},
	{"result.points[].id", RULE_COUNT, DB_ROWS},
	{"result[].points[].id", RULE_COUNT, DB_ROWS},
	{"result.groups[].hits[].id", RULE_COUNT, DB_ROWS},
	{"time", RULE_MS_OF_S, SERVER_MS},
	RULES_END,
};

static void qdrant_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	db_response(state, exchange, response_rules, value);
}

const struct dialect dialect_qdrant = {
	.name = "qdrant",
	.state_size = sizeof(struct db),
	.claims = qdrant_claims,
	.begin = qdrant_begin,
	.request_value = qdrant_request_value,
	.response_value = qdrant_response_value,
	.end = db_end,
};
