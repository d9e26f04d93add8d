/* SPDX-License-Identifier: Apache-2.0 */
/* Milvus and Zilliz over REST, version 2 and the older one. Their errors come with status 200. */
#include "protocols/dialects/db.h"
#include "wire/event.h"

static const struct db_operation operations[] = {
	{"POST", "/entities/search", "search", RT_CLASS_vector_search},
	{"POST", "/entities/hybrid_search", "hybrid_search", RT_CLASS_vector_search},
	{"POST", "/entities/advanced_search", "hybrid_search", RT_CLASS_vector_search},
	{"POST", "/entities/query", "query", RT_CLASS_database_query},
	{"POST", "/entities/get", "get", RT_CLASS_database_query},
	{"POST", "/entities/insert", "insert", RT_CLASS_database_query},
	{"POST", "/entities/upsert", "upsert", RT_CLASS_database_query},
	{"POST", "/entities/delete", "delete", RT_CLASS_database_query},
	{"POST", "/vector/search", "search", RT_CLASS_vector_search},
	{"POST", "/vector/query", "query", RT_CLASS_database_query},
	{"POST", "/vector/get", "get", RT_CLASS_database_query},
	{"POST", "/vector/insert", "insert", RT_CLASS_database_query},
	{"POST", "/vector/upsert", "upsert", RT_CLASS_database_query},
	{"POST", "/vector/delete", "delete", RT_CLASS_database_query},
	{"POST", "/collections/create", "create_collection", RT_CLASS_database_query},
	{"POST", "/collections/describe", "describe_collection", RT_CLASS_database_query},
	{"POST", "/collections/has", "has_collection", RT_CLASS_database_query},
	{"POST", "/collections/load", "load_collection", RT_CLASS_database_query},
	{"POST", "/collections/drop", "drop_collection", RT_CLASS_database_query},
	{NULL, NULL, NULL, 0},
};

static bool milvus_claims(const struct http_head *head)
{
	return !head->is_grpc &&
		(strstr(head->path, "/v2/vectordb/") || strstr(head->path, "/v1/vector/")) &&
		db_operation_of(operations, head);
}

static void milvus_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	db_begin(state, exchange, db_operation_of(operations, head), "milvus");
}

static const struct rule request_rules[] = {
	{"collectionName", RULE_PUT, DB_COLLECTION},
	{"dbName", RULE_PUT, DB_NAMESPACE},
	{"limit", RULE_PUT, DB_K},
	{"filter", RULE_FLAG, DB_FILTER},
	{"search[].filter", RULE_FLAG, DB_FILTER},
	{"data[]", RULE_COUNT, DB_BATCH}, /* rows, or vectors to search for */
	RULES_END,
};

static void milvus_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	db_request(state, exchange, request_rules, value);
}

static const struct rule search_rules[] = {
	{"data[]", RULE_COUNT, DB_ROWS},
	RULES_END,
};
static const struct rule other_rules[] = {
	{"data.insertCount", RULE_PUT, DB_AFFECTED},
	{"data.upsertCount", RULE_PUT, DB_AFFECTED},
	{"data.deleteCount", RULE_PUT, DB_AFFECTED},
	RULES_END,
};

static void milvus_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	static const struct rule error_rules[] = {{"code", RULE_ERROR, NULL}, RULES_END};
	struct db *db = state;

	if (path_is(value, "code") && value->type == VALUE_INT && value->number != 200 &&
		value->number) {
		rules_apply(error_rules, &db->reading, exchange, value);
		exchange->failed = true;
	}
	db_response(db, exchange, search_rules, value);
	rules_apply(other_rules, &db->reading, exchange, value);
}

const struct dialect dialect_milvus = {
	.name = "milvus",
	.state_size = sizeof(struct db),
	.claims = milvus_claims,
	.begin = milvus_begin,
	.request_value = milvus_request_value,
	.response_value = milvus_response_value,
	.end = db_end,
};
