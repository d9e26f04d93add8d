/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/dialects/db.h"

#include "wire/event.h"

const struct db_operation *db_operation_of(
	const struct db_operation *operations, const struct http_head *head)
{
	for (; operations->path_end; operations++) {
		if ((!operations->method || !strcmp(operations->method, head->method)) &&
			ends_with(head->path, operations->path_end))
			return operations;
	}
	return NULL;
}

void db_begin(struct db *db, struct exchange *exchange, const struct db_operation *operation,
	const char *system)
{
	db->operation = operation;
	exchange->class = operation->class;
	exchange_string(exchange, "db.system.name", system);
	exchange_string(exchange, "db.operation.name", operation->name);
}

void db_put_collection(struct exchange *exchange, const char *path, const char *before)
{
	const char *name = strstr(path, before);

	if (!name)
		return;
	name += strlen(before);
	put_segment(exchange, DB_COLLECTION, name, strcspn(name, "/"));
}

static bool is_search(const struct db *db)
{
	return db->operation && db->operation->class == RT_CLASS_vector_search;
}

void db_request(struct db *db, struct exchange *exchange, const struct rule *rules,
	const struct dialect_value *value)
{
	rules_apply(rules, &db->reading, exchange, value);
	if (is_whole(value) && is_search(db) && !exchange_find(exchange, DB_FILTER))
		exchange_bool(exchange, DB_FILTER, false);
}

void db_response(struct db *db, struct exchange *exchange, const struct rule *rules,
	const struct dialect_value *value)
{
	const struct exchange_fact *status;

	rules_apply(rules, &db->reading, exchange, value);
	if (!is_whole(value) || !is_search(db) || exchange_find(exchange, DB_ROWS))
		return;
	status = exchange_find(exchange, "http.response.status_code");
	if (status && status->number == 200 && !exchange_find(exchange, "error.type"))
		exchange_int(exchange, DB_ROWS, 0);
}

void db_end(void *state, struct exchange *exchange)
{
	const struct db *db = state;
	const char *collection = exchange_find_text(exchange, DB_COLLECTION);

	if (db->operation)
		exchange_name(exchange, "%s%s%s", db->operation->name, collection ? " " : "",
			collection ? collection : "");
}
