/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/dialects/grpc_store.h"

static const struct rule no_rules[] = {RULES_END};

const struct grpc_method *grpc_store_method(
	const struct grpc_method *methods, const struct http_head *head)
{
	if (!head->is_grpc)
		return NULL;
	for (; methods->path; methods++) {
		if (ends_with(methods->path, "/") ? begins_with(head->path, methods->path)
						  : !strcmp(head->path, methods->path))
			return methods;
	}
	return NULL;
}

void grpc_store_begin(struct grpc_store *store, struct exchange *exchange,
	const struct http_head *head, const char *system, const struct grpc_method *methods)
{
	const struct grpc_method *method = grpc_store_method(methods, head);
	const char *name = strrchr(head->path, '/') + 1;

	store->method = method;
	exchange->class = method->class;
	exchange_string(exchange, STORE_SYSTEM, system);
	if (method->operation)
		exchange_string(exchange, STORE_OPERATION, method->operation);
	else
		put_segment(exchange, STORE_OPERATION, name, strlen(name));
}

void grpc_store_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct grpc_store *store = state;
	const struct rule *rules = store->method->request;

	rules_apply(rules ? rules : no_rules, &store->request, exchange, value);
}

void grpc_store_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct grpc_store *store = state;
	const struct rule *rules = store->method->response;

	rules_apply(rules ? rules : no_rules, &store->response, exchange, value);
}

void grpc_store_end(void *state, struct exchange *exchange)
{
	const char *operation = exchange_find_text(exchange, STORE_OPERATION);
	const char *collection = exchange_find_text(exchange, STORE_COLLECTION);

	(void)state;
	if (operation)
		exchange_name(exchange, "%s%s%s", operation, collection ? " " : "",
			collection ? collection : "");
}
