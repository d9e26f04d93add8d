/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/grpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/content/encoding.h"

#define PREFIX 5 /* of a message: is it compressed, and its size */
#define STATUS_KEY "rpc.grpc.status_code"

struct grpc_side {
	bool is_open;	  /* its head is read */
	bool is_lost;	  /* where the next message begins is not known */
	bool is_readable; /* the message at hand, by the walk */
	unsigned have;
	uint8_t prefix[PREFIX];
	uint32_t left; /* bytes of the message at hand */
	uint64_t messages;
	char encoding[16];
	struct encoding *decoder; /* of the message at hand */
	protobuf_value_fn *value; /* NULL: nobody wants to know */
	void *context;
	struct protobuf_walk walk;
	struct exchange *exchange;
	enum said_part part;
};

struct grpc {
	struct exchange *exchange;
	struct grpc_side request, response;
};

bool grpc_is(const char *content_type)
{
	size_t size = sizeof("application/grpc") - 1;
	char next = '\0';

	if (!strncmp(content_type, "application/grpc", size))
		next = content_type[size];
	else
		return false;
	/* not grpc-web, whose trailers stand in the body */
	return !next || next == '+' || next == ';';
}

struct grpc *grpc_begin(struct exchange *exchange, const char *path)
{
	struct grpc *grpc = calloc(1, sizeof(*grpc));
	const char *method = strrchr(path, '/');

	if (!grpc)
		return NULL;
	grpc->exchange = exchange;
	exchange->protocol = "grpc";
	exchange_string(exchange, "rpc.system", "grpc");
	if (*path == '/' && method > path && method == strchr(path + 1, '/')) {
		exchange_text(exchange, "rpc.service", path + 1, (size_t)(method - path - 1));
		exchange_string(exchange, "rpc.method", method + 1);
		exchange_name(exchange, "%s", path + 1);
	}
	return grpc;
}

/* Its fields by their numbers, where content is wanted; vectors and the like are no text. */
static void say_field(const struct grpc_side *side, const struct dialect_value *value)
{
	char text[96];

	if (value->type == VALUE_INT)
		snprintf(text, sizeof(text), "%s=%lld ", value->path, (long long)value->number);
	else if (value->type == VALUE_STRING && value->size &&
		said_is_text(value->text, value->size))
		snprintf(text, sizeof(text), "%s=", value->path);
	else
		return;
	exchange_say(side->exchange, side->part, text, strlen(text));
	if (value->type == VALUE_INT)
		return;
	exchange_say_value(side->exchange, side->part, value->text, value->size);
	exchange_say(side->exchange, side->part, " ", 1);
}

static void take_field(void *context, const struct dialect_value *value)
{
	const struct grpc_side *side = context;

	if (side->exchange->host->keeps_content)
		say_field(side, value);
	if (side->value)
		side->value(side->context, value);
}

void grpc_side(struct grpc *grpc, bool is_request, const char *encoding, protobuf_value_fn *value,
	void *context)
{
	struct grpc_side *side = is_request ? &grpc->request : &grpc->response;

	side->is_open = true;
	side->value = value;
	side->context = context;
	side->exchange = grpc->exchange;
	side->part = is_request ? SAID_REQUEST : SAID_ANSWER;
	snprintf(side->encoding, sizeof(side->encoding), "%s", encoding);
}

static void message_begin(struct grpc_side *side)
{
	bool is_wanted = side->value || side->exchange->host->keeps_content;
	bool is_compressed = side->prefix[0] & 1;

	side->have = 0;
	side->messages++;
	side->left = (uint32_t)side->prefix[1] << 24 | (uint32_t)side->prefix[2] << 16 |
		(uint32_t)side->prefix[3] << 8 | side->prefix[4];
	side->is_lost = side->prefix[0] > 1;
	if (is_compressed && is_wanted)
		side->decoder = encoding_new(side->encoding);
	side->is_readable = is_wanted && (!is_compressed || side->decoder);
	if (side->is_readable)
		protobuf_walk_start(&side->walk, take_field, side);
}

static void message_end(struct grpc_side *side)
{
	encoding_free(side->decoder);
	side->decoder = NULL;
	side->is_readable = false;
}

static void walk_on(void *context, const uint8_t *bytes, size_t size)
{
	protobuf_walk_feed(context, bytes, size);
}

static void message_bytes(struct grpc_side *side, const uint8_t *bytes, size_t size)
{
	if (side->is_readable && !side->decoder)
		protobuf_walk_feed(&side->walk, bytes, size);
	else if (side->is_readable &&
		encoding_feed(side->decoder, bytes, size, walk_on, &side->walk))
		side->is_readable = false;
}

static size_t take(struct grpc_side *side, const uint8_t *bytes, size_t size)
{
	if (side->left) {
		size = size < side->left ? size : side->left;
		message_bytes(side, bytes, size);
		side->left -= (uint32_t)size;
	} else {
		size = size < PREFIX - side->have ? size : PREFIX - side->have;
		memcpy(side->prefix + side->have, bytes, size);
		side->have += (unsigned)size;
		if (side->have < PREFIX)
			return size;
		message_begin(side);
	}
	if (!side->left)
		message_end(side);
	return size;
}

void grpc_body(struct grpc *grpc, bool is_request, const uint8_t *bytes, size_t size)
{
	struct grpc_side *side = is_request ? &grpc->request : &grpc->response;

	while (size && side->is_open && !side->is_lost) {
		size_t used = take(side, bytes, size);

		bytes += used;
		size -= used;
	}
}

void grpc_gap(struct grpc *grpc, bool is_request, uint64_t size)
{
	struct grpc_side *side = is_request ? &grpc->request : &grpc->response;

	/* 0: nobody knows how many */
	if (!size || size > side->left) {
		side->is_lost = true;
		message_end(side);
		return;
	}
	side->is_readable = false;
	side->left -= (uint32_t)size;
	if (!side->left)
		message_end(side);
}

static const char *const statuses[] = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};

/* Of the rest a server says that the caller is wrong, not it. */
static bool is_servers_fault(unsigned long status)
{
	return status == 2 || status == 4 || status == 12 || status == 13 || status == 14 ||
		status == 15;
}

/* The trailer was kept as text. */
static void put_status(struct exchange *exchange)
{
	const char *text = exchange_find_text(exchange, STATUS_KEY);
	unsigned long status;
	char *end;

	if (!text)
		return;
	status = strtoul(text, &end, 10);
	if (end == text || *end || status >= sizeof(statuses) / sizeof(*statuses))
		return;
	exchange_int(exchange, STATUS_KEY, (int64_t)status);
	if (!status || (exchange->is_server && !is_servers_fault(status)))
		return;
	exchange->failed = true;
	exchange_string(exchange, "error.type", statuses[status]);
}

static void put_count(struct exchange *exchange, const char *key, const struct grpc_side *side)
{
	if (side->is_open && !side->is_lost)
		exchange_int(exchange, key, (int64_t)side->messages);
}

static void side_free(struct grpc_side *side)
{
	encoding_free(side->decoder);
	protobuf_walk_free(&side->walk);
}

void grpc_end(struct grpc *grpc)
{
	if (!grpc)
		return;
	put_count(grpc->exchange, "ragtime.request_messages", &grpc->request);
	put_count(grpc->exchange, "ragtime.response_messages", &grpc->response);
	put_status(grpc->exchange);
	side_free(&grpc->request);
	side_free(&grpc->response);
	free(grpc);
}
