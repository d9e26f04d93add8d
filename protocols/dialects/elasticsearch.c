/* SPDX-License-Identifier: Apache-2.0 */
/* Elasticsearch and OpenSearch: searches, those by vector, documents and bulk. */
#include <stdio.h>

#include "protocols/dialects/db.h"
#include "wire/event.h"

struct elasticsearch {
	struct db db;
	bool is_bulk;
	bool is_action;	  /* this line of a bulk body says what to do with the next */
	bool source_next; /* the next line is a document */
	bool by_vector;
	int64_t size; /* -1: not said */
};

/* What stands behind the indexes' names. "" of a document's: by the method. */
static const struct api {
	const char *segment;
	const char *name;
} apis[] = {
	{"/_search", "search"},
	{"/_knn_search", "knn_search"},
	{"/_msearch", "msearch"},
	{"/_count", "count"},
	{"/_mget", "mget"},
	{"/_bulk", "bulk"},
	{"/_doc", ""},
	{"/_create", "create"},
	{"/_update", "update"},
	{"/_delete_by_query", "delete_by_query"},
	{"/_update_by_query", "update_by_query"},
};

/* Every request over HTTP is asked, and few have a segment that begins like all of them. */
static const struct api *api_of(const char *path, size_t *before)
{
	const char *first = strstr(path, "/_");

	for (size_t i = 0; first && i < sizeof(apis) / sizeof(*apis); i++) {
		const char *found = strstr(first, apis[i].segment);
		size_t size = strlen(apis[i].segment);

		if (found && (!found[size] || found[size] == '/')) {
			*before = (size_t)(found - path);
			return &apis[i];
		}
	}
	return NULL;
}

static bool elasticsearch_claims(const struct http_head *head)
{
	size_t before;

	return !head->is_grpc && api_of(head->path, &before);
}

static const char *name_of(const struct api *api, const char *method)
{
	if (*api->name)
		return api->name;
	return !strcmp(method, "GET") || !strcmp(method, "HEAD") ? "get"
		: !strcmp(method, "DELETE")			 ? "delete"
								 : "index";
}

static const char *system_of(const struct http_head *head)
{
	bool is_open = strstr(head->host, "opensearch") || ends_with(head->host, ".amazonaws.com");

	return is_open ? "opensearch" : "elasticsearch";
}

/* Whatever a document is called: its name is not kept. */
static void put_template(struct exchange *exchange, const char *path, size_t size)
{
	char template[256];

	if (path[size] && size < sizeof(template) / 2) {
		snprintf(template, sizeof(template), "%.*s/{id}", (int)size, path);
		exchange_string(exchange, "url.template", template);
		exchange_name(exchange, "%s", template);
	}
}

static void elasticsearch_begin(
	void *state, struct exchange *exchange, const struct http_head *head)
{
	struct elasticsearch *es = state;
	size_t before;
	const struct api *api = api_of(head->path, &before);

	es->size = -1;
	es->is_bulk = !strcmp(api->name, "bulk");
	exchange->class = RT_CLASS_database_query;
	exchange_string(exchange, "db.system.name", system_of(head));
	exchange_string(exchange, "db.operation.name", name_of(api, head->method));
	put_template(exchange, head->path, before + strlen(api->segment));
	if (before > 1)
		put_segment(exchange, DB_COLLECTION, head->path + 1, before - 1);
}

/* Each line of a bulk body opens with a brace; what is done to a document is the first key. */
static void take_bulk(
	struct elasticsearch *es, struct exchange *exchange, const struct dialect_value *value)
{
	static const struct rule action_rules[] = {
		{"index", RULE_COUNT, DB_BATCH},
		{"create", RULE_COUNT, DB_BATCH},
		{"update", RULE_COUNT, DB_BATCH},
		{"delete", RULE_COUNT, DB_BATCH},
		{"*._index", RULE_PUT, DB_COLLECTION},
		RULES_END,
	};

	if (value->type == VALUE_OPEN && !*value->path) {
		es->is_action = !es->source_next;
		es->source_next = false;
		return;
	}
	if (!es->is_action)
		return;
	rules_apply(action_rules, &es->db.reading, exchange, value);
	if (value->type == VALUE_OPEN)
		es->source_next = !path_is(value, "delete");
}

/* knn, knn[], query.knn.FIELD (OpenSearch), retriever.knn and the like. */
static bool is_in_knn(const char *path)
{
	const char *found = strstr(path, "knn");

	return found && (found == path || found[-1] == '.') &&
		(!found[3] || found[3] == '.' || found[3] == '[');
}

static void take_search(
	struct elasticsearch *es, struct exchange *exchange, const struct dialect_value *value)
{
	bool is_scalar = value->type != VALUE_OPEN && value->type != VALUE_CLOSE;
	const char *path = value->path;

	if (is_in_knn(path)) {
		es->by_vector = true;
		if (ends_with(path, ".k") && value->type == VALUE_INT)
			exchange_int(exchange, DB_K, value->number);
		if (begins_with(path, "query.knn.") && ends_with(path, ".vector"))
			exchange_string(exchange, "db.system.name", "opensearch");
	} else if (path_is(value, "size") && value->type == VALUE_INT) {
		es->size = value->number;
	}
	if (is_scalar && (strstr(path, "filter.") || strstr(path, "filter[")))
		exchange_bool(exchange, DB_FILTER, true);
	if (is_whole(value) && es->by_vector && !exchange_find(exchange, DB_FILTER))
		exchange_bool(exchange, DB_FILTER, false);
}

static void elasticsearch_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct elasticsearch *es = state;

	if (es->is_bulk)
		take_bulk(es, exchange, value);
	else
		take_search(es, exchange, value);
}

static const struct rule response_rules[] = {
	{"hits.hits[]", RULE_COUNT, DB_ROWS},
	{"responses[].hits.hits[]", RULE_COUNT, DB_ROWS},
	{"docs[]", RULE_COUNT, DB_ROWS},
	{"items[]", RULE_COUNT, DB_AFFECTED},
	{"errors", RULE_PUT, "ragtime.partial_failure"},
	{"timed_out", RULE_PUT, "ragtime.timed_out"},
	{"took", RULE_PUT, SERVER_MS},
	{"error.type", RULE_ERROR, NULL},
	RULES_END,
};

static void elasticsearch_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct elasticsearch *es = state;

	/* the list is there and empty */
	if (path_is(value, "hits.hits") && value->type == VALUE_CLOSE &&
		!exchange_find(exchange, DB_ROWS))
		exchange_int(exchange, DB_ROWS, 0);
	rules_apply(response_rules, &es->db.reading, exchange, value);
}

static void elasticsearch_response_header(
	void *state, struct exchange *exchange, const char *name, const char *value)
{
	(void)state;
	if (!strcmp(name, "x-elastic-product") && !strcmp(value, "Elasticsearch"))
		exchange_string(exchange, "db.system.name", "elasticsearch");
}

static void elasticsearch_end(void *state, struct exchange *exchange)
{
	const char *collection = exchange_find_text(exchange, DB_COLLECTION);
	const struct elasticsearch *es = state;

	if (es->by_vector) {
		exchange->class = RT_CLASS_vector_search;
		if (es->size >= 0 && !exchange_find(exchange, DB_K))
			exchange_int(exchange, DB_K, es->size);
	}
	exchange_name(exchange, "%s%s%s", exchange_find_text(exchange, "db.operation.name"),
		collection ? " " : "", collection ? collection : "");
}

const struct dialect dialect_elasticsearch = {
	.name = "elasticsearch",
	.state_size = sizeof(struct elasticsearch),
	.claims = elasticsearch_claims,
	.begin = elasticsearch_begin,
	.request_value = elasticsearch_request_value,
	.response_value = elasticsearch_response_value,
	.response_header = elasticsearch_response_header,
	.end = elasticsearch_end,
};
