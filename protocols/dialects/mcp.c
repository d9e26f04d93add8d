/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Model Context Protocol over streamable HTTP: JSON-RPC by POST, the answer as JSON or as
 * events. Only a body that is JSON-RPC makes a request one.
 */
#include <stdio.h>

#include "protocols/dialects/rules.h"
#include "wire/event.h"

/* What is said before it is known whether it is JSON-RPC. */
struct mcp {
	struct reading reading;
	bool is_rpc;
	int64_t id; /* -1: none, or no number */
	char method[64];
	char name[64];
};

static bool mcp_claims(const struct http_head *head)
{
	const char *found = strstr(head->path, "/mcp");
	bool is_own = (found && (!found[4] || found[4] == '/')) || ends_with(head->path, "/sse");

	if (is_method(head, "GET"))
		return is_own;
	return is_method(head, "POST") &&
		(is_own || ends_with(head->path, "/messages") ||
			ends_with(head->path, "/messages/"));
}

static void mcp_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	struct mcp *mcp = state;

	mcp->id = -1;
	/* a subscription to what the server may say: nobody waits for its end */
	if (is_method(head, "GET"))
		exchange->answered = true;
}

static void keep(char *to, size_t room, const struct dialect_value *value)
{
	if (value->type == VALUE_STRING && value->size < room && is_name(value->text, value->size))
		snprintf(to, room, "%.*s", (int)value->size, value->text);
}

static void mcp_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct mcp *mcp = state;

	(void)exchange;
	if (path_is(value, "jsonrpc") && is_text(value))
		mcp->is_rpc = true;
	else if (path_is(value, "method"))
		keep(mcp->method, sizeof(mcp->method), value);
	else if (path_is(value, "params.name"))
		keep(mcp->name, sizeof(mcp->name), value);
	else if (path_is(value, "id") && value->type == VALUE_INT)
		mcp->id = value->number;
}

static const struct rule response_rules[] = {
	{"result.content[]", RULE_COUNT, "ragtime.tool_results"},
	{"result.tools[]", RULE_COUNT, "ragtime.tools_offered"},
	{"result.protocolVersion", RULE_PUT, "mcp.protocol.version"},
	RULES_END,
};

static void mcp_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct mcp *mcp = state;

	rules_apply(response_rules, &mcp->reading, exchange, value);
	if (path_is(value, "error.code") && value->type == VALUE_INT) {
		char code[24];

		snprintf(code, sizeof(code), "%lld", (long long)value->number);
		rules_fail(exchange, code);
	} else if (path_is(value, "result.isError") && value->type == VALUE_BOOL && value->number) {
		rules_fail(exchange, "tool_error");
	}
	/* notifications may come before it: the result alone is the answer */
	if (value->type == VALUE_CLOSE && (path_is(value, "result") || path_is(value, "error")))
		exchange->answered = true;
}

static void mcp_end(void *state, struct exchange *exchange)
{
	const struct mcp *mcp = state;
	bool has_name = !strcmp(mcp->method, "tools/call") || !strcmp(mcp->method, "prompts/get");

	if (!mcp->is_rpc || !*mcp->method)
		return;
	exchange_string(exchange, "mcp.method.name", mcp->method);
	if (mcp->id >= 0)
		exchange_int(exchange, "jsonrpc.request.id", mcp->id);
	if (!strcmp(mcp->method, "tools/call")) {
		exchange->class = RT_CLASS_tool_call;
		exchange_string(exchange, "gen_ai.operation.name", "execute_tool");
		if (*mcp->name)
			exchange_string(exchange, "gen_ai.tool.name", mcp->name);
	}
	has_name &= *mcp->name != '\0';
	exchange_name(
		exchange, "%s%s%s", mcp->method, has_name ? " " : "", has_name ? mcp->name : "");
}

const struct dialect dialect_mcp = {
	.name = "mcp",
	.state_size = sizeof(struct mcp),
	.claims = mcp_claims,
	.begin = mcp_begin,
	.request_value = mcp_request_value,
	.response_value = mcp_response_value,
	.end = mcp_end,
};
