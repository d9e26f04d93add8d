/* SPDX-License-Identifier: Apache-2.0 */
/* What the vector stores that speak gRPC have in common: a table of methods. */
#ifndef PROTOCOLS_DIALECTS_GRPC_STORE_H
#define PROTOCOLS_DIALECTS_GRPC_STORE_H

#include "protocols/dialects/rules.h"

#define STORE_SYSTEM "db.system.name"
#define STORE_OPERATION "db.operation.name"
#define STORE_COLLECTION "db.collection.name"
#define STORE_NAMESPACE "db.namespace"
#define STORE_ROWS "db.response.returned_rows"
#define STORE_BATCH "db.operation.batch.size"
#define STORE_K "ragtime.k"
#define STORE_FILTER "ragtime.filter"

/* Paths of rules are the numbers of fields. */
struct grpc_method {
	const char
		*path; /* "/qdrant.Points/Search"; with '/' at its end: any other of the service */
	const char *operation; /* NULL: the method's own name */
	uint32_t class;
	const struct rule *request;
	const struct rule *response;
};
#define GRPC_METHODS_END                  \
	{                                 \
		NULL, NULL, 0, NULL, NULL \
	}

/* The state of every such dialect begins with this. */
struct grpc_store {
	const struct grpc_method *method;
	struct reading request, response;
};

/* NULL where it is none of the table. */
const struct grpc_method *grpc_store_method(
	const struct grpc_method *methods, const struct http_head *head);

void grpc_store_begin(struct grpc_store *store, struct exchange *exchange,
	const struct http_head *head, const char *system, const struct grpc_method *methods);
void grpc_store_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value);
void grpc_store_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value);
/* Names the exchange. */
void grpc_store_end(void *state, struct exchange *exchange);

#endif
