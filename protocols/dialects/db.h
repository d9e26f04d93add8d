/* SPDX-License-Identifier: Apache-2.0 */
/* What the dialects of stores and vector indexes share. */
#ifndef PROTOCOLS_DIALECTS_DB_H
#define PROTOCOLS_DIALECTS_DB_H

#include "protocols/dialects/rules.h"

#define DB_COLLECTION "db.collection.name"
#define DB_NAMESPACE "db.namespace"
#define DB_ROWS "db.response.returned_rows"
#define DB_BATCH "db.operation.batch.size"
#define DB_AFFECTED "ragtime.affected_rows"
#define DB_K "ragtime.k"
#define DB_FILTER "ragtime.filter"

/* Told by method (NULL: any) and a path's end. Tables end with a NULL path_end. */
struct db_operation {
	const char *method;
	const char *path_end;
	const char *name;
	uint32_t class;
};
const struct db_operation *db_operation_of(
	const struct db_operation *operations, const struct http_head *head);

/* Every state of such a dialect begins with this. */
struct db {
	struct reading reading;
	const struct db_operation *operation;
};

void db_begin(struct db *db, struct exchange *exchange, const struct db_operation *operation,
	const char *system);

/* The segment behind `before` names the collection; nothing happens where there is none. */
void db_put_collection(struct exchange *exchange, const char *path, const char *before);

/* A search whose whole text names no filter has none, and one without results found nothing. */
void db_request(struct db *db, struct exchange *exchange, const struct rule *rules,
	const struct dialect_value *value);
void db_response(struct db *db, struct exchange *exchange, const struct rule *rules,
	const struct dialect_value *value);

/* dialect.end: the exchange is named "operation collection". */
void db_end(void *state, struct exchange *exchange);

#endif
