/* SPDX-License-Identifier: Apache-2.0 */
/* What every HTTP exchange tells, and the way of its bodies to a dialect. */
#include "protocols/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocols/content/encoding.h"
#include "protocols/content/events.h"
#include "protocols/content/eventstream.h"
#include "protocols/content/json_walk.h"
#include "protocols/dialect.h"
#include "protocols/grpc.h"
#include "protocols/http_url.h"
#include "wire/event.h"

enum body_kind {
	BODY_OTHER,
	BODY_TEXT,
	BODY_JSON,
	BODY_EVENTS,
	BODY_LINES,
	BODY_MESSAGES,
	BODY_GRPC
};

struct side {
	struct http_stream *stream;
	json_value_fn *on_value;
	char content_type[96];
	char encoding[16];
	enum body_kind kind;
	bool keeps;   /* what it says is wanted, not only what it means */
	bool started; /* its first body byte has come */
	bool lost;    /* bytes are missing: an encoded body cannot be decoded any further */
	uint64_t body_bytes;
	struct encoding *decoder;
	struct json_walk *walk;
	union {
		struct events events;
		struct eventstream messages;
	};
};

struct http_stream {
	struct exchange *exchange;
	struct exchange_host *host;
	struct http_head head;
	unsigned status;
	const struct dialect *dialect;
	void *dialect_state;
	struct grpc *grpc; /* NULL: it is none */
	struct side request, response;
	bool is_server;
};

struct http_stream *http_begin(struct exchange_host *host, const char *protocol,
	enum proto_way request_way, const struct proto_piece *piece)
{
	struct http_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->host = host;
	stream->is_server = request_way == PROTO_IN;
	stream->exchange = exchange_begin(host, protocol, request_way, piece);
	if (!stream->exchange) {
		free(stream);
		return NULL;
	}
	stream->exchange->class = RT_CLASS_api_call;
	if (host->server_name)
		snprintf(stream->head.host, sizeof(stream->head.host), "%s", host->server_name);
	return stream;
}

struct exchange *http_exchange(struct http_stream *stream)
{
	return stream->exchange;
}

const struct http_head *http_head_of(const struct http_stream *stream)
{
	return &stream->head;
}

bool http_is_head(const struct http_stream *stream)
{
	return !strcmp(stream->head.method, "HEAD");
}

static void copy_text(char *to, size_t room, const char *from, size_t size)
{
	size = size < room - 1 ? size : room - 1;
	memcpy(to, from, size);
	to[size] = '\0';
}

static void copy_lower(char *to, size_t room, const char *from, size_t size)
{
	copy_text(to, room, from, size);
	for (; *to; to++)
		*to = *to >= 'A' && *to <= 'Z' ? (char)(*to | 0x20) : *to;
}

void http_request(struct http_stream *stream, const char *method, size_t method_size,
	const char *target, size_t target_size)
{
	const char *query;

	copy_text(stream->head.method, sizeof(stream->head.method), method, method_size);
	/* an absolute target, as to a proxy: the path begins behind the authority */
	if (target_size > 8 &&
		(!strncasecmp(target, "http://", 7) || !strncasecmp(target, "https://", 8))) {
		const char *slash = memchr(target + 8, '/', target_size - 8);

		target_size = slash ? target_size - (size_t)(slash - target) : 0;
		target = slash;
	}
	if (target_size)
		stream->head.target =
			stream->host->hash(stream->host->context, target, target_size);
	query = target_size ? memchr(target, '?', target_size) : NULL;
	if (query)
		target_size = (size_t)(query - target);
	copy_text(stream->head.path, sizeof(stream->head.path), target ? target : "", target_size);
}

void http_status(struct http_stream *stream, unsigned status)
{
	stream->status = status;
}

/* The media type without its parameters. */
static void take_content_type(
	struct http_stream *stream, struct side *side, const char *value, size_t size)
{
	const char *semicolon = memchr(value, ';', size);

	if (semicolon)
		size = (size_t)(semicolon - value);
	while (size && value[size - 1] == ' ')
		size--;
	copy_lower(side->content_type, sizeof(side->content_type), value, size);
	if (side == &stream->request)
		memcpy(stream->head.content_type, side->content_type, sizeof(side->content_type));
}

static void take_host(struct http_stream *stream, const char *value, size_t size)
{
	const char *colon = memchr(value, ':', size);

	if (*value != '[' && colon)
		size = (size_t)(colon - value);
	copy_lower(stream->head.host, sizeof(stream->head.host), value, size);
}

/* What of the other headers is a fact. Everything else is not even looked at. */
#define ALLOWED(name, key, is_request)                  \
	{                                               \
		name, key, sizeof(name) - 1, is_request \
	}

static const struct allowed {
	const char *name;
	const char *key;
	size_t size;
	bool is_request;
} allowed[] = {
	ALLOWED("traceparent", "ragtime.traceparent", true),
	ALLOWED("x-request-id", "ragtime.request_id", true),
	ALLOWED("x-request-id", "ragtime.request_id", false),
	ALLOWED("request-id", "ragtime.request_id", false),
	ALLOWED("retry-after", "ragtime.retry_after", false),
	ALLOWED("x-cache", "ragtime.x_cache", false),
	ALLOWED("x-ratelimit-remaining-requests", "ragtime.ratelimit_remaining_requests", false),
	ALLOWED("x-ratelimit-remaining-tokens", "ragtime.ratelimit_remaining_tokens", false),
	ALLOWED("anthropic-ratelimit-requests-remaining", "ragtime.ratelimit_remaining_requests",
		false),
	ALLOWED("anthropic-ratelimit-tokens-remaining", "ragtime.ratelimit_remaining_tokens",
		false),
	ALLOWED("x-amzn-requestid", "ragtime.request_id", false),
	ALLOWED("x-amzn-errortype", "error.type", false),
	ALLOWED("x-amzn-bedrock-input-token-count", "gen_ai.usage.input_tokens", false),
	ALLOWED("x-amzn-bedrock-output-token-count", "gen_ai.usage.output_tokens", false),
	ALLOWED("x-elastic-product", "ragtime.server_product", false),
	ALLOWED("openai-processing-ms", "ragtime.server_processing_ms", false),
	ALLOWED("grpc-status", "rpc.grpc.status_code", false),
};

static void take_allowed(struct http_stream *stream, bool is_request, const char *name,
	size_t name_size, const char *value, size_t value_size)
{
	/* Amazon's errors may have an address behind them */
	if (http_name_is(name, name_size, "x-amzn-errortype") && memchr(value, ':', value_size))
		value_size = (size_t)((char *)memchr(value, ':', value_size) - value);
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		if (allowed[i].size != name_size || allowed[i].is_request != is_request ||
			strncasecmp(name, allowed[i].name, name_size) != 0)
			continue;
		exchange_text(stream->exchange, allowed[i].key, value, value_size);
		if (!is_request && stream->dialect && stream->dialect->response_header)
			stream->dialect->response_header(stream->dialect_state, stream->exchange,
				allowed[i].name,
				exchange_find_text(stream->exchange, allowed[i].key));
		return;
	}
}

void http_header(struct http_stream *stream, bool is_request, const char *name, size_t name_size,
	const char *value, size_t value_size)
{
	struct side *side = is_request ? &stream->request : &stream->response;

	if (!value_size)
		return;
	if (http_name_is(name, name_size, "content-type"))
		take_content_type(stream, side, value, value_size);
	else if (http_name_is(name, name_size, "content-encoding") ||
		http_name_is(name, name_size, "grpc-encoding"))
		copy_lower(side->encoding, sizeof(side->encoding), value, value_size);
	else if (is_request &&
		(http_name_is(name, name_size, "host") ||
			http_name_is(name, name_size, ":authority")))
		take_host(stream, value, value_size);
	else
		take_allowed(stream, is_request, name, name_size, value, value_size);
}

/* ---- bodies ---- */

static void on_request_value(void *context, const struct dialect_value *value)
{
	struct http_stream *stream = context;

	if (stream->dialect && stream->dialect->request_value)
		stream->dialect->request_value(stream->dialect_state, stream->exchange, value);
}

static void on_response_value(void *context, const struct dialect_value *value)
{
	struct http_stream *stream = context;

	if (stream->dialect && stream->dialect->response_value)
		stream->dialect->response_value(stream->dialect_state, stream->exchange, value);
}

static void on_frame(void *context, const char *event)
{
	struct side *side = context;
	struct http_stream *stream = side->stream;

	json_walk_init(side->walk, side->on_value, stream);
	if (side == &stream->response && stream->dialect->frame)
		stream->dialect->frame(stream->dialect_state, stream->exchange, event);
}

static void on_frame_data(void *context, const void *bytes, size_t size)
{
	struct side *side = context;
	struct http_stream *stream = side->stream;

	json_walk_feed(side->walk, bytes, size);
	if (side == &stream->response && stream->dialect->frame_text)
		stream->dialect->frame_text(stream->dialect_state, stream->exchange, bytes, size);
}

static void on_frame_end(void *context)
{
	struct side *side = context;
	struct http_stream *stream = side->stream;

	json_walk_end(side->walk);
	if (side == &stream->response && stream->dialect->frame_end)
		stream->dialect->frame_end(stream->dialect_state, stream->exchange);
}

static const struct frame_calls frame_calls = {on_frame, on_frame_data, on_frame_end};

static bool type_ends(const char *type, const char *end)
{
	size_t size = strlen(type), wanted = strlen(end);

	return size >= wanted && !strcmp(type + size - wanted, end);
}

/*
 * Whatever names no framing is taken for JSON: clients send it as a form or as nothing at all, and
 * what is none shows so with its first byte.
 */
static enum body_kind kind_of(const struct side *side)
{
	const char *type = side->content_type;

	if (!strcmp(type, "text/event-stream"))
		return BODY_EVENTS;
	if (!strcmp(type, "application/vnd.amazon.eventstream"))
		return BODY_MESSAGES;
	if (type_ends(type, "/x-ndjson") || type_ends(type, "+x-ndjson") ||
		type_ends(type, "/jsonl") || !strcmp(type, "application/stream+json"))
		return BODY_LINES;
	return BODY_JSON;
}

static void side_free(struct side *side)
{
	encoding_free(side->decoder);
	if (side->walk)
		explicit_bzero(side->walk, sizeof(*side->walk));
	free(side->walk);
	side->decoder = NULL;
	side->walk = NULL;
	side->keeps = false;
}

/*
 * Is it for people to read? Vectors are not; of a model's stream, the text is kept without the
 * frames around it.
 */
static bool is_wanted(const struct http_stream *stream, const struct side *side)
{
	const char *type = side->content_type;

	if (!stream->host->keeps_content)
		return false;
	if (side == &stream->response &&
		(stream->exchange->class == RT_CLASS_embedding_generation ||
			(side->kind > BODY_JSON &&
				exchange_find(stream->exchange, "gen_ai.operation.name"))))
		return false;
	return side->kind == BODY_JSON || !strncmp(type, "text/", 5) || type_ends(type, "json") ||
		type_ends(type, "xml") || !strcmp(type, "application/x-www-form-urlencoded");
}

/*
 * Only a dialect has a use for what is in a body. Where bytes were lost, a second head may come for
 * one side: what the first has begun ends here.
 */
static void side_prepare(struct http_stream *stream, struct side *side)
{
	bool is_request = side == &stream->request;

	side_free(side);
	side->on_value = is_request ? on_request_value : on_response_value;
	if (stream->grpc && grpc_is(side->content_type)) {
		side->kind = BODY_GRPC;
		grpc_side(stream->grpc, is_request, side->encoding,
			stream->dialect ? side->on_value : NULL, stream);
		return;
	}
	side->kind = stream->dialect ? kind_of(side) : BODY_OTHER;
	side->keeps = is_wanted(stream, side);
	if (side->kind == BODY_OTHER && side->keeps)
		side->kind = BODY_TEXT;
	if (side->kind == BODY_OTHER)
		return;
	if (side->kind != BODY_TEXT)
		side->walk = malloc(sizeof(*side->walk));
	if (*side->encoding)
		side->decoder = encoding_new(side->encoding);
	if ((!side->walk && side->kind != BODY_TEXT) ||
		(*side->encoding && strcmp(side->encoding, "identity") != 0 && !side->decoder)) {
		side->kind = BODY_OTHER;
		return;
	}
	side->stream = stream;
	if (side->kind == BODY_TEXT)
		return;
	json_walk_init(side->walk, side->on_value, stream);
	if (side->kind == BODY_MESSAGES)
		eventstream_start(&side->messages, &frame_calls, side);
	else if (side->kind != BODY_JSON)
		events_start(&side->events, side->kind == BODY_LINES, &frame_calls, side);
}

static bool memo_fits(const struct dialect_memo *memo, const struct http_head *head)
{
	return memo->is_known && memo->is_grpc == head->is_grpc &&
		!strcmp(memo->path, head->path) && !strcmp(memo->method, head->method) &&
		!strcmp(memo->host, head->host) && !strcmp(memo->content_type, head->content_type);
}

/* False where it has no room. */
static bool memo_put(char *to, size_t room, const char *text)
{
	size_t size = strlen(text);

	copy_text(to, room, text, size);
	return size < room;
}

/* To ask them all takes longer than all else of a small request; most are like the one before. */
static const struct dialect *dialect_of(struct dialect_memo *memo, const struct http_head *head)
{
	if (memo_fits(memo, head))
		return memo->dialect;
	memo->dialect = dialect_for(head);
	memo->is_grpc = head->is_grpc;
	memo->is_known = memo_put(memo->path, sizeof(memo->path), head->path) &&
		memo_put(memo->method, sizeof(memo->method), head->method) &&
		memo_put(memo->host, sizeof(memo->host), head->host) &&
		memo_put(memo->content_type, sizeof(memo->content_type), head->content_type);
	return memo->dialect;
}

static void choose_dialect(struct http_stream *stream)
{
	const struct dialect *dialect = dialect_of(&stream->host->memo, &stream->head);

	if (!dialect)
		return;
	stream->dialect_state = calloc(1, dialect->state_size ? dialect->state_size : 1);
	if (!stream->dialect_state)
		return;
	stream->dialect = dialect;
	if (dialect->begin)
		dialect->begin(stream->dialect_state, stream->exchange, &stream->head);
}

static void request_head(struct http_stream *stream)
{
	struct exchange *exchange = stream->exchange;
	char template[256];

	http_url_template(stream->head.path, template, sizeof(template));
	exchange_string(exchange, "http.request.method", stream->head.method);
	exchange_string(exchange, "url.template", template);
	if (*stream->head.host)
		exchange_string(exchange, "server.address", stream->head.host);
	exchange_name_pair(exchange, stream->head.method, template);
	stream->head.is_grpc = grpc_is(stream->head.content_type);
	if (stream->head.is_grpc)
		stream->grpc = grpc_begin(exchange, stream->head.path);
	choose_dialect(stream);
	side_prepare(stream, &stream->request);
}

static void response_head(struct http_stream *stream)
{
	struct exchange *exchange = stream->exchange;
	unsigned least = stream->is_server ? 500 : 400;

	if (stream->status)
		exchange_int(exchange, "http.response.status_code", stream->status);
	if (stream->status >= least) {
		char text[16];

		snprintf(text, sizeof(text), "%u", stream->status);
		/* a header may have said it better */
		if (!exchange_find(exchange, "error.type"))
			exchange_string(exchange, "error.type", text);
		exchange->failed = true;
	}
	if (stream->status == 304)
		exchange_string(exchange, "ragtime.cache", "hit");
	side_prepare(stream, &stream->response);
}

void http_head_end(struct http_stream *stream, bool is_request, const struct proto_piece *piece)
{
	stream->exchange->now = piece->ticks;
	if (is_request)
		request_head(stream);
	else
		response_head(stream);
}

struct body_route {
	struct http_stream *stream;
	struct side *side;
};

static void take_decoded(void *context, const uint8_t *bytes, size_t size)
{
	const struct body_route *route = context;
	bool is_request = route->side == &route->stream->request;

	if (route->side->keeps)
		exchange_say(route->stream->exchange, is_request ? SAID_REQUEST : SAID_ANSWER,
			bytes, size);
	if (route->side->kind == BODY_TEXT)
		return;
	if (route->side->kind == BODY_GRPC)
		grpc_body(route->stream->grpc, is_request, bytes, size);
	else if (route->side->kind == BODY_JSON)
		json_walk_feed(route->side->walk, bytes, size);
	else if (route->side->kind == BODY_MESSAGES)
		eventstream_feed(&route->side->messages, bytes, size);
	else
		events_feed(&route->side->events, bytes, size);
}

void http_body(struct http_stream *stream, bool is_request, const struct proto_piece *piece,
	const uint8_t *bytes, size_t size)
{
	struct side *side = is_request ? &stream->request : &stream->response;
	struct body_route route = {stream, side};

	stream->exchange->now = piece->ticks;
	side->body_bytes += size;
	if (!side->started) {
		side->started = true;
		if (!is_request)
			stream->exchange->first_chunk = piece->ticks;
	}
	if (side->kind == BODY_OTHER || side->lost)
		return;
	if (!side->decoder)
		take_decoded(&route, bytes, size);
	else if (encoding_feed(side->decoder, bytes, size, take_decoded, &route))
		side->lost = true;
}

void http_body_late(struct http_stream *stream, bool is_request, const struct proto_piece *piece,
	const uint8_t *bytes, size_t size)
{
	struct side *side = is_request ? &stream->request : &stream->response;

	/* they are counted already, and gRPC has gone on behind them */
	if (side->kind == BODY_GRPC)
		return;
	side->body_bytes -= size < side->body_bytes ? size : side->body_bytes;
	http_body(stream, is_request, piece, bytes, size);
}

static void break_frame(struct side *side)
{
	if (side->kind == BODY_MESSAGES)
		eventstream_break(&side->messages);
	else if (side->kind == BODY_EVENTS || side->kind == BODY_LINES)
		events_break(&side->events);
}

void http_body_gap(struct http_stream *stream, bool is_request, uint64_t size)
{
	struct side *side = is_request ? &stream->request : &stream->response;

	side->body_bytes += size;
	if (side->kind == BODY_GRPC)
		grpc_gap(stream->grpc, is_request, size);
	else if (side->decoder)
		side->lost = true;
	else if (side->kind == BODY_JSON)
		json_walk_gap(side->walk);
	else
		break_frame(side);
}

void http_end_of(struct http_stream *stream, bool is_request, uint64_t ticks)
{
	struct side *side = is_request ? &stream->request : &stream->response;

	stream->exchange->now = ticks;
	if (side->kind == BODY_JSON)
		json_walk_end(side->walk);
	else
		break_frame(side);
}

void http_finish(struct http_stream *stream, uint64_t ticks, bool broken)
{
	struct exchange *exchange;

	if (!stream)
		return;
	exchange = stream->exchange;
	if (stream->request.body_bytes)
		exchange_int(
			exchange, "http.request.body.size", (int64_t)stream->request.body_bytes);
	if (stream->response.body_bytes)
		exchange_int(
			exchange, "http.response.body.size", (int64_t)stream->response.body_bytes);
	if (broken && !exchange->answered) {
		exchange->failed = true;
		exchange_string(exchange, "error.type", "connection_closed");
	}
	grpc_end(stream->grpc);
	if (stream->dialect && stream->dialect->end)
		stream->dialect->end(stream->dialect_state, exchange);
	free(stream->dialect_state);
	side_free(&stream->request);
	side_free(&stream->response);
	exchange_end(exchange, ticks);
	free(stream);
}
