/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chroma: /api/v1/collections/ID/verb and /api/v2/tenants/T/databases/D/collections/ID/verb. What
 * the path names a collection by is its id, or its name where it is looked up.
 */
#include "protocols/dialects/db.h"
#include "wire/event.h"

static const struct db_operation operations[] = {
	{"POST", "/query", "query", RT_CLASS_vector_search},
	{"POST", "/search", "search", RT_CLASS_vector_search},
	{"POST", "/get", "get", RT_CLASS_database_query},
	{"POST", "/add", "add", RT_CLASS_database_query},
	{"POST", "/upsert", "upsert", RT_CLASS_database_query},
	{"POST", "/update", "update", RT_CLASS_database_query},
	{"POST", "/delete", "delete", RT_CLASS_database_query},
	{"GET", "/count", "count", RT_CLASS_database_query},
	{"POST", "/collections", "create_collection", RT_CLASS_database_query},
	{"GET", "/collections", "list_collections", RT_CLASS_database_query},
	{"GET", "", "get_collection", RT_CLASS_database_query},
	{"PUT", "", "modify_collection", RT_CLASS_database_query},
	{"DELETE", "", "delete_collection", RT_CLASS_database_query},
	{NULL, NULL, NULL, 0},
};

static bool chroma_claims(const struct http_head *head)
{
	bool is_v1 = strstr(head->path, "/api/v1/collections") != NULL;
	bool is_v2 = strstr(head->path, "/api/v2/tenants/") && strstr(head->path, "/collections");

	return !head->is_grpc && (is_v1 || is_v2) && db_operation_of(operations, head);
}

static void chroma_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	const char *database = strstr(head->path, "/databases/");

	if (database) {
		database += strlen("/databases/");
		put_segment(exchange, DB_NAMESPACE, database, strcspn(database, "/"));
	}
	db_put_collection(exchange, head->path, "/collections/");
	db_begin(state, exchange, db_operation_of(operations, head), "chroma");
}

static const struct rule request_rules[] = {
	{"name", RULE_PUT, DB_COLLECTION},
	{"n_results", RULE_PUT, DB_K},
	{"query_embeddings[]", RULE_COUNT, DB_BATCH},
	{"ids[]", RULE_COUNT, DB_BATCH},
	{"where", RULE_FLAG, DB_FILTER},
	{"where_document", RULE_FLAG, DB_FILTER},
	RULES_END,
};

static void chroma_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	db_request(state, exchange, request_rules, value);
}

/* A query gives a list of ids for each of its vectors, a get one list. */
static const struct rule query_rules[] = {
	{"ids[][]", RULE_COUNT, DB_ROWS},
	{"error", RULE_ERROR, NULL},
	RULES_END,
};
static const struct rule get_rules[] = {
	{"ids[]", RULE_COUNT, DB_ROWS},
	{"error", RULE_ERROR, NULL},
	RULES_END,
};

static void chroma_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct db *db = state;
	bool is_query = db->operation->class == RT_CLASS_vector_search;

	db_response(db, exchange, is_query ? query_rules : get_rules, value);
}

const struct dialect dialect_chroma = {
	.name = "chroma",
	.state_size = sizeof(struct db),
	.claims = chroma_claims,
	.begin = chroma_begin,
	.request_value = chroma_request_value,
	.response_value = chroma_response_value,
	.end = db_end,
};
