/* SPDX-License-Identifier: Apache-2.0 */
/* Weaviate's objects over REST, and its searches as GraphQL. */
#include <stdlib.h>

#include "protocols/dialects/db.h"
#include "wire/event.h"

static const struct db_operation operations[] = {
	{"POST", "/v1/graphql", "graphql", RT_CLASS_database_query},
	{"POST", "/v1/batch/objects", "insert", RT_CLASS_database_query},
	{"DELETE", "/v1/batch/objects", "delete", RT_CLASS_database_query},
	{"POST", "/v1/objects", "insert", RT_CLASS_database_query},
	{NULL, NULL, NULL, 0},
};
static const struct db_operation search = {NULL, "", "search", RT_CLASS_vector_search};
static const struct db_operation get = {NULL, "", "get", RT_CLASS_database_query};
static const struct db_operation aggregate = {NULL, "", "aggregate", RT_CLASS_database_query};

static bool weaviate_claims(const struct http_head *head)
{
	return !head->is_grpc && db_operation_of(operations, head);
}

static void weaviate_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	db_begin(state, exchange, db_operation_of(operations, head), "weaviate");
}

/* ---- { Get { Class (limit: 3, nearVector: {...}, where: {...}) { field } } } ---- */

struct scan {
	const char *at, *end;
	unsigned depth; /* of brackets */
	unsigned floor; /* the bracket this deep is the last: nothing is read behind it */
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_';
}

static void skip_text(struct scan *scan)
{
	for (scan->at++; scan->at < scan->end && *scan->at != '"'; scan->at++) {
		if (*scan->at == '\\')
			scan->at++;
	}
	scan->at += scan->at < scan->end;
}

/* The next word, outside texts; 0 at the end. Brackets on the way are counted. */
static size_t next_word(struct scan *scan, const char **word)
{
	while (scan->at < scan->end) {
		char c = *scan->at;
		const char *start = scan->at;

		if (is_letter(c)) {
			while (scan->at < scan->end && is_letter(*scan->at))
				scan->at++;
			*word = start;
			return (size_t)(scan->at - start);
		}
		if (c == '"') {
			skip_text(scan);
			continue;
		}
		if (strchr("({[", c))
			scan->depth++;
		else if (strchr(")}]", c) && scan->depth && scan->depth-- == scan->floor)
			return 0;
		scan->at++;
	}
	return 0;
}

static bool word_is(const char *word, size_t size, const char *wanted)
{
	return strlen(wanted) == size && !memcmp(word, wanted, size);
}

static bool is_vector_search(const char *word, size_t size)
{
	return (size > 4 && !memcmp(word, "near", 4)) || word_is(word, size, "hybrid") ||
		word_is(word, size, "bm25");
}

/* Behind the opening bracket. A text that is cut may hide a limit or a filter. */
static void take_arguments(struct db *db, struct exchange *exchange, struct scan *scan)
{
	bool filter = false;
	const char *word;
	size_t size;

	scan->floor = scan->depth;
	while ((size = next_word(scan, &word))) {
		if (scan->depth > scan->floor)
			continue;
		if (is_vector_search(word, size))
			db_begin(db, exchange, &search, "weaviate");
		else if (word_is(word, size, "where"))
			filter = true;
		else if (word_is(word, size, "limit") && next_word(scan, &word))
			exchange_int(exchange, DB_K, strtoll(word, NULL, 10));
	}
	if (scan->at < scan->end && db->operation == &search)
		exchange_bool(exchange, DB_FILTER, filter);
}

static void take_query(struct db *db, struct exchange *exchange, const struct dialect_value *value)
{
	struct scan scan = {.at = value->text, .end = value->text + value->size};
	const char *word;
	size_t size = next_word(&scan, &word);

	/* "query Name {" */
	while (size && !scan.depth)
		size = next_word(&scan, &word);
	if (size && word_is(word, size, "Get"))
		db_begin(db, exchange, &get, "weaviate");
	else if (size && word_is(word, size, "Aggregate"))
		db_begin(db, exchange, &aggregate, "weaviate");
	else
		return;
	size = next_word(&scan, &word);
	if (size && is_name(word, size))
		exchange_text(exchange, DB_COLLECTION, word, size);
	while (scan.at < scan.end && strchr(" \n\t", *scan.at))
		scan.at++;
	if (scan.at == scan.end || *scan.at != '(')
		return;
	scan.at++;
	scan.depth++;
	take_arguments(db, exchange, &scan);
}

static const struct rule request_rules[] = {
	{"class", RULE_PUT, DB_COLLECTION},
	{"objects[].class", RULE_PUT, DB_COLLECTION},
	{"match.class", RULE_PUT, DB_COLLECTION},
	{"objects[]", RULE_COUNT, DB_BATCH},
	RULES_END,
};

static void weaviate_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct db *db = state;

	if (path_is(value, "query") && is_text(value))
		take_query(db, exchange, value);
	rules_apply(request_rules, &db->reading, exchange, value);
}

/* data.Get.Class[] */
static bool is_row(const struct dialect_value *value)
{
	static const char before[] = "data.Get.";
	const char *class = value->path + sizeof(before) - 1;

	return value->type == VALUE_OPEN && begins_with(value->path, before) &&
		!strcmp(class + strcspn(class, ".["), "[]");
}

static void weaviate_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	static const struct rule row_rules[] = {{"*", RULE_COUNT, DB_ROWS}, RULES_END};
	static const struct rule rules[] = {
		{"results.successful", RULE_PUT, DB_AFFECTED}, RULES_END};
	struct db *db = state;

	if (is_row(value))
		rules_apply(row_rules, &db->reading, exchange, value);
	if (path_is(value, "errors[]") && value->type == VALUE_OPEN)
		rules_fail(exchange, "graphql_error");
	db_response(db, exchange, rules, value);
}

const struct dialect dialect_weaviate = {
	.name = "weaviate",
	.state_size = sizeof(struct db),
	.claims = weaviate_claims,
	.begin = weaviate_begin,
	.request_value = weaviate_request_value,
	.response_value = weaviate_response_value,
	.end = db_end,
};
