/* SPDX-License-Identifier: Apache-2.0 */
/* Milvus: field numbers of its milvus.proto and schema.proto. k stands in a list of words. */
#include <stdio.h>
#include <stdlib.h>

#include "protocols/dialects/grpc_store.h"
#include "wire/event.h"

struct milvus {
	struct grpc_store store;
	bool limit_is_next; /* the parameter's name was that of the limit */
};

#define NAMES                                   \
	{"2", RULE_PUT, STORE_NAMESPACE},       \
	{                                       \
		"3", RULE_PUT, STORE_COLLECTION \
	}
static const struct rule names[] = {NAMES, RULES_END};
static const struct rule search[] = {
	NAMES, {"5", RULE_FLAG, STORE_FILTER}, {"12", RULE_PUT, STORE_BATCH}, RULES_END};
static const struct rule hybrid[] = {
	NAMES, {"5", RULE_COUNT, STORE_BATCH}, {"5.5", RULE_FLAG, STORE_FILTER}, RULES_END};
static const struct rule query[] = {NAMES, {"4", RULE_FLAG, STORE_FILTER}, RULES_END};
static const struct rule write[] = {NAMES, {"7", RULE_PUT, STORE_BATCH}, RULES_END};
static const struct rule delete[] = {NAMES, {"5", RULE_FLAG, STORE_FILTER}, RULES_END};

#define SERVICE "/milvus.proto.milvus.MilvusService/"
static const struct grpc_method methods[] = {
	{SERVICE "Search", "search", RT_CLASS_vector_search, search, NULL},
	{SERVICE "HybridSearch", "hybrid_search", RT_CLASS_vector_search, hybrid, NULL},
	{SERVICE "Query", "query", RT_CLASS_database_query, query, NULL},
	{SERVICE "Insert", "insert", RT_CLASS_database_query, write, NULL},
	{SERVICE "Upsert", "upsert", RT_CLASS_database_query, write, NULL},
	{SERVICE "Delete", "delete", RT_CLASS_database_query, delete, NULL},
	/* most others name a database and a collection where these do */
	{SERVICE "CreateCollection", NULL, RT_CLASS_database_query, names, NULL},
	{SERVICE "DropCollection", NULL, RT_CLASS_database_query, names, NULL},
	{SERVICE "DescribeCollection", NULL, RT_CLASS_database_query, names, NULL},
	{SERVICE "LoadCollection", NULL, RT_CLASS_database_query, names, NULL},
	{SERVICE "GetCollectionStatistics", NULL, RT_CLASS_database_query, names, NULL},
	{SERVICE, NULL, RT_CLASS_database_query, NULL, NULL},
	GRPC_METHODS_END,
};

static bool milvus_claims(const struct http_head *head)
{
	return grpc_store_method(methods, head);
}

static void milvus_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	struct milvus *milvus = state;

	grpc_store_begin(&milvus->store, exchange, head, "milvus", methods);
}

static bool text_is(const struct dialect_value *value, const char *text)
{
	return value->type == VALUE_STRING && value->size == strlen(text) &&
		!memcmp(value->text, text, value->size);
}

/* Parameters are pairs of texts, fields 1 and 2. */
static void take_parameter(
	struct milvus *milvus, struct exchange *exchange, const struct dialect_value *value)
{
	char number[16];

	if (ends_with(value->path, ".1")) {
		milvus->limit_is_next = text_is(value, "topk") || text_is(value, "limit");
	} else if (ends_with(value->path, ".2") && milvus->limit_is_next &&
		value->type == VALUE_STRING) {
		snprintf(number, sizeof(number), "%.*s", (int)value->size, value->text);
		milvus->limit_is_next = false;
		if (*number >= '0' && *number <= '9')
			exchange_int(exchange, STORE_K, strtoll(number, NULL, 10));
	}
}

static void milvus_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct milvus *milvus = state;
	const struct rule *rules = milvus->store.method->request;
	const char *parameters = rules == search ? "9."
		: rules == query		 ? "9."
		: rules == hybrid		 ? "6."
						 : NULL;

	grpc_store_request_value(state, exchange, value);
	if (parameters && begins_with(value->path, parameters))
		take_parameter(milvus, exchange, value);
}

/* Errors come under a status of gRPC that is fine. */
static void milvus_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	const struct milvus *milvus = state;
	char error[32];

	if (path_is(value, "1.3") && value->type == VALUE_INT && value->number) {
		snprintf(error, sizeof(error), "milvus.%lld", (long long)value->number);
		rules_fail(exchange, error);
	}
	/* a 32-bit score each */
	if (milvus->store.method->class == RT_CLASS_vector_search && path_is(value, "2.4") &&
		value->type == VALUE_STRING)
		exchange_int(exchange, STORE_ROWS, (int64_t)(value->whole / 4));
}

const struct dialect dialect_milvus_grpc = {
	.name = "milvus_grpc",
	.state_size = sizeof(struct milvus),
	.claims = milvus_claims,
	.begin = milvus_begin,
	.request_value = milvus_request_value,
	.response_value = milvus_response_value,
	.end = grpc_store_end,
};
