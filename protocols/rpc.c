/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/event.h"

/* ---- a message ---- */

static bool path_is(const struct dialect_value *value, const char *path)
{
	return !strcmp(value->path, path);
}

static bool path_begins(const struct dialect_value *value, const char *path)
{
	return !strncmp(value->path, path, strlen(path));
}

/* Names of methods and tools; whatever else stands there is not told. */
static void keep(char *to, const struct dialect_value *value)
{
	if (value->type != VALUE_STRING || value->whole >= RPC_WORD)
		return;
	for (size_t i = 0; i < value->size; i++) {
		char c = value->text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			(!c || !strchr("-_./:@+$", c)))
			return;
	}
	memcpy(to, value->text, value->size);
	to[value->size] = '\0';
}

static void keep_id(
	struct rpc_message *message, struct exchange_host *host, const struct dialect_value *value)
{
	if (value->type == VALUE_INT)
		snprintf(message->id, sizeof(message->id), "%lld", (long long)value->number);
	else if (value->type == VALUE_STRING)
		snprintf(message->id, sizeof(message->id), "\"%016llx",
			(unsigned long long)host->hash(host->context, value->text, value->size));
}

static uint64_t size_of(const struct dialect_value *value)
{
	char text[32];

	switch (value->type) {
	case VALUE_STRING:
		return value->whole;
	case VALUE_INT:
		return (uint64_t)snprintf(text, sizeof(text), "%lld", (long long)value->number);
	case VALUE_DOUBLE:
		return (uint64_t)snprintf(text, sizeof(text), "%g", value->real);
	default:
		return 1;
	}
}

static void add_argument(
	struct rpc_message *message, struct exchange_host *host, const struct dialect_value *value)
{
	struct {
		uint64_t before, path, type, number, text, whole;
		double real;
	} item = {message->argument_hash,
		host->hash(host->context, value->path, strlen(value->path)), value->type, 0, 0,
		value->whole, 0};

	message->has_arguments = true;
	if (value->type == VALUE_OPEN || value->type == VALUE_CLOSE)
		return;
	if (value->type == VALUE_STRING)
		item.text = host->hash(host->context, value->text, value->size);
	else if (value->type == VALUE_DOUBLE)
		item.real = value->real;
	else
		item.number = (uint64_t)value->number;
	message->argument_hash = host->hash(host->context, &item, sizeof(item));
	message->argument_bytes += size_of(value);
}

static void add_result(struct rpc_message *message, const struct dialect_value *value)
{
	message->has_result = true;
	if (value->type == VALUE_OPEN) {
		message->results += path_is(value, "result.content[]");
		message->tools += path_is(value, "result.tools[]");
	} else if (value->type != VALUE_CLOSE) {
		message->result_bytes += size_of(value);
	}
	if (path_is(value, "result.isError") && value->type == VALUE_BOOL && value->number)
		message->tool_failed = true;
	else if (path_is(value, "result.protocolVersion"))
		keep(message->version, value);
}

void rpc_read(
	struct rpc_message *message, struct exchange_host *host, const struct dialect_value *value)
{
	if (path_is(value, "jsonrpc")) {
		message->is_rpc |= value->type == VALUE_STRING && value->size;
	} else if (path_is(value, "id")) {
		keep_id(message, host, value);
	} else if (path_is(value, "method")) {
		keep(message->method, value);
	} else if (path_is(value, "params.name")) {
		keep(message->name, value);
	} else if (path_begins(value, "params.arguments")) {
		add_argument(message, host, value);
	} else if (path_begins(value, "result")) {
		add_result(message, value);
	} else if (path_begins(value, "error")) {
		message->has_error = true;
		if (path_is(value, "error.code") && value->type == VALUE_INT)
			message->error_code = value->number;
	}
}

void rpc_put_request(struct exchange *exchange, const struct rpc_message *message)
{
	bool is_call = !strcmp(message->method, "tools/call");
	bool has_name = *message->name && (is_call || !strcmp(message->method, "prompts/get"));

	exchange_string(exchange, "mcp.method.name", message->method);
	if (*message->id && *message->id != '"')
		exchange_int(exchange, "jsonrpc.request.id", strtoll(message->id, NULL, 10));
	exchange_name(exchange, "%s%s%s", message->method, has_name ? " " : "",
		has_name ? message->name : "");
	if (!is_call)
		return;
	exchange->class = RT_CLASS_tool_call;
	exchange_string(exchange, "gen_ai.operation.name", "execute_tool");
	if (has_name)
		exchange_string(exchange, "gen_ai.tool.name", message->name);
	if (!message->has_arguments)
		return;
	exchange_int(exchange, "ragtime.tool_argument_bytes", (int64_t)message->argument_bytes);
	if (message->argument_hash)
		exchange_hash(exchange, "ragtime.tool_argument_hash", message->argument_hash);
}

static void fail(struct exchange *exchange, const char *error)
{
	exchange->failed = true;
	if (!exchange_find(exchange, "error.type"))
		exchange_string(exchange, "error.type", error);
}

void rpc_put_response(struct exchange *exchange, const struct rpc_message *message)
{
	char code[24];

	if (message->results)
		exchange_int(exchange, "ragtime.tool_results", message->results);
	if (message->tools)
		exchange_int(exchange, "ragtime.tools_offered", message->tools);
	if (*message->version)
		exchange_string(exchange, "mcp.protocol.version", message->version);
	if (message->results || exchange->class == RT_CLASS_tool_call)
		exchange_int(exchange, "ragtime.tool_result_bytes", (int64_t)message->result_bytes);
	if (message->has_error) {
		snprintf(code, sizeof(code), "%lld", (long long)message->error_code);
		fail(exchange, code);
	} else if (message->tool_failed) {
		fail(exchange, "tool_error");
	}
	exchange->answered = true;
}
