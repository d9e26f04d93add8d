/* SPDX-License-Identifier: Apache-2.0 */
/* Pinecone's data plane: an index is a host, its name stands before its project's. */
#include "protocols/dialects/db.h"
#include "wire/event.h"

struct pinecone {
	struct db db;
	const struct db_operation *operation;
};

static const struct db_operation operations[] = {
	{"POST", "/query", "query", RT_CLASS_vector_search},
	{"POST", "/search", "search", RT_CLASS_vector_search},
	{"POST", "/vectors/upsert", "upsert", RT_CLASS_database_query},
	{"POST", "/vectors/update", "update", RT_CLASS_database_query},
	{"POST", "/vectors/delete", "delete", RT_CLASS_database_query},
	{"GET", "/vectors/fetch", "fetch", RT_CLASS_database_query},
	{"GET", "/vectors/list", "list", RT_CLASS_database_query},
	{"POST", "/describe_index_stats", "describe_index_stats", RT_CLASS_database_query},
	{"POST", "/upsert", "upsert", RT_CLASS_database_query},
	{NULL, NULL, NULL, 0},
};

static bool is_certain(const struct http_head *head)
{
	return ends_with(head->host, ".pinecone.io") || begins_with(head->path, "/vectors/") ||
		begins_with(head->path, "/records/namespaces/") ||
		!strcmp(head->path, "/describe_index_stats");
}

/* Elsewhere /query may be anybody's: its body tells. */
static bool pinecone_claims(const struct http_head *head)
{
	return !head->is_grpc && db_operation_of(operations, head) &&
		(is_certain(head) || !strcmp(head->path, "/query"));
}

/* "docs-example-a1b2c3d.svc.region.pinecone.io" is the index docs-example. */
static void put_index(struct exchange *exchange, const char *host)
{
	size_t size = strcspn(host, ".");

	if (!strstr(host, ".svc."))
		return;
	while (size && host[size - 1] != '-')
		size--;
	if (size > 1)
		exchange_text(exchange, DB_COLLECTION, host, size - 1);
}

static void pinecone_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	static const char before[] = "/namespaces/";
	const char *namespace = strstr(head->path, before);
	struct pinecone *pinecone = state;

	pinecone->operation = db_operation_of(operations, head);
	if (!is_certain(head))
		return;
	put_index(exchange, head->host);
	if (namespace) {
		namespace += sizeof(before) - 1;
		put_segment(exchange, DB_NAMESPACE, namespace, strcspn(namespace, "/"));
	}
	db_begin(&pinecone->db, exchange, pinecone->operation, "pinecone");
}

static const struct rule request_rules[] = {
	{"topK", RULE_PUT, DB_K},
	{"query.top_k", RULE_PUT, DB_K},
	{"filter", RULE_FLAG, DB_FILTER},
	{"query.filter", RULE_FLAG, DB_FILTER},
	{"namespace", RULE_PUT, DB_NAMESPACE},
	{"vectors[]", RULE_COUNT, DB_BATCH},
	{"ids[]", RULE_COUNT, DB_BATCH},
	{"_id", RULE_COUNT, DB_BATCH}, /* of a record; one a line */
	RULES_END,
};

static void pinecone_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct pinecone *pinecone = state;

	if (!pinecone->db.operation && path_is(value, "topK"))
		db_begin(&pinecone->db, exchange, pinecone->operation, "pinecone");
	db_request(&pinecone->db, exchange, request_rules, value);
}

static const struct rule response_rules[] = {
	{"matches[]", RULE_COUNT, DB_ROWS},
	{"result.hits[]", RULE_COUNT, DB_ROWS},
	{"upsertedCount", RULE_PUT, DB_AFFECTED},
	{"usage.readUnits", RULE_PUT, "ragtime.read_units"},
	{"usage.read_units", RULE_PUT, "ragtime.read_units"},
	{"error.code", RULE_ERROR, NULL},
	RULES_END,
};

static void pinecone_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct pinecone *pinecone = state;

	if (pinecone->db.operation)
		db_response(&pinecone->db, exchange, response_rules, value);
}

const struct dialect dialect_pinecone = {
	.name = "pinecone",
	.state_size = sizeof(struct pinecone),
	.claims = pinecone_claims,
	.begin = pinecone_begin,
	.request_value = pinecone_request_value,
	.response_value = pinecone_response_value,
	.end = db_end,
};
