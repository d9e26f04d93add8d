/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Model Context Protocol over HTTP: JSON-RPC by POST, the answer as JSON or as events. In its
 * older form the answer to the POST is 202, and what it has asked for comes as an event of a stream
 * that a GET has opened: the two are joined by the address that the stream's first event names.
 * Only a body that is JSON-RPC makes a request one.
 */
#include "protocols/dialects/rules.h"
#include "protocols/rpc.h"
#include "wire/event.h"

/* What is said before it is known whether it is JSON-RPC. */
struct mcp {
	bool is_stream; /* opened by a GET */
	bool at_endpoint;
	uint64_t target; /* of the POST, or of those that the stream answers */
	struct rpc_message request, response;
	size_t endpoint_size;
	char endpoint[512];
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

	mcp->is_stream = is_method(head, "GET");
	if (!mcp->is_stream)
		mcp->target = head->target;
	/* a subscription to what the server may say: nobody waits for its end */
	exchange->answered = mcp->is_stream;
}

static void mcp_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct mcp *mcp = state;

	rpc_read(&mcp->request, exchange->host, value);
}

/* Of an exchange and its answer wherever that comes. */
static struct rpc_place place_of(
	const struct exchange *exchange, uint64_t target, const struct rpc_message *message)
{
	struct exchange_host *host = exchange->host;
	struct {
		uint64_t target, id;
	} key = {target, host->hash(host->context, message->id, strlen(message->id))};

	return (struct rpc_place){.key = host->hash(host->context, &key, sizeof(key)) | 1,
		.way = exchange->is_server ? PROTO_IN : PROTO_OUT};
}

static void answer_from_stream(const struct mcp *mcp, struct exchange *exchange)
{
	struct proto_piece piece = {.ticks = exchange->now};

	if (mcp->target && *mcp->response.id)
		rpc_answer(exchange->host, place_of(exchange, mcp->target, &mcp->response),
			&mcp->response, &piece, &piece, (size_t)mcp->response.result_bytes);
}

static void mcp_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct mcp *mcp = state;
	struct rpc_message *response = &mcp->response;

	rpc_read(response, exchange->host, value);
	if (!is_whole(value))
		return;
	/* notifications and requests may come before it: the result alone is the answer */
	if (response->is_rpc && (response->has_result || response->has_error)) {
		if (mcp->is_stream)
			answer_from_stream(mcp, exchange);
		else
			rpc_put_response(exchange, response);
	}
	memset(response, 0, sizeof(*response));
}

static void mcp_frame(void *state, struct exchange *exchange, const char *event)
{
	struct mcp *mcp = state;

	(void)exchange;
	memset(&mcp->response, 0, sizeof(mcp->response));
	mcp->at_endpoint = mcp->is_stream && !strcmp(event, "endpoint");
	mcp->endpoint_size = 0;
}

static void mcp_frame_text(void *state, struct exchange *exchange, const char *text, size_t size)
{
	struct mcp *mcp = state;
	size_t room = sizeof(mcp->endpoint) - mcp->endpoint_size;

	(void)exchange;
	if (!mcp->at_endpoint)
		return;
	size = size < room ? size : room;
	memcpy(mcp->endpoint + mcp->endpoint_size, text, size);
	mcp->endpoint_size += size;
}

/* An address with its host or without. */
static void mcp_frame_end(void *state, struct exchange *exchange)
{
	struct mcp *mcp = state;
	struct exchange_host *host = exchange->host;
	const char *at = mcp->endpoint, *end = at + mcp->endpoint_size;
	const char *authority = memmem(at, mcp->endpoint_size, "://", 3);

	if (!mcp->at_endpoint)
		return;
	while (end > at && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
		end--;
	if (authority) {
		at = memchr(authority + 3, '/', (size_t)(end - authority) - 3);
		at = at ? at : end;
	}
	if (at < end)
		mcp->target = host->hash(host->context, at, (size_t)(end - at));
	mcp->at_endpoint = false;
}

static void wait_for_stream(struct exchange *exchange, uint64_t ticks)
{
	rpc_ask((struct rpc_place){.key = exchange->keep_key,
			.way = exchange->is_server ? PROTO_IN : PROTO_OUT},
		"", exchange, ticks);
}

static void mcp_end(void *state, struct exchange *exchange)
{
	const struct mcp *mcp = state;
	const struct exchange_fact *status = exchange_find(exchange, "http.response.status_code");

	if (!mcp->request.is_rpc || !*mcp->request.method)
		return;
	rpc_put_request(exchange, &mcp->request);
	if (*mcp->request.id && status && status->number == 202 && exchange->host->desk) {
		exchange->keep_key = place_of(exchange, mcp->target, &mcp->request).key;
		exchange->keep = wait_for_stream;
	}
}

const struct dialect dialect_mcp = {
	.name = "mcp",
	.state_size = sizeof(struct mcp),
	.claims = mcp_claims,
	.begin = mcp_begin,
	.request_value = mcp_request_value,
	.response_value = mcp_response_value,
	.frame = mcp_frame,
	.frame_text = mcp_frame_text,
	.frame_end = mcp_frame_end,
	.end = mcp_end,
};
