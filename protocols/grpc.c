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
	protobuf_value_fn *value;
	void *context;
	struct protobuf_walk walk;
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

void grpc_side(struct grpc *grpc, bool is_request, const char *encoding, protobuf_value_fn *value,
	void *context)
{
	struct grpc_side *side = is_request ? &grpc->request : &grpc->response;

	side->is_open = true;
	side->value = value;
	side->context = context;
	snprintf(side->encoding, sizeof(side->encoding), "%s", encoding);
}

static void message_begin(struct grpc_side *side)
{
	bool is_compressed = side->prefix[0] & 1;

	side->have = 0;
	side->messages++;
	side->left = (uint32_t)side->prefix[1] << 24 | (uint32_t)side->prefix[2] << 16 |
		(uint32_t)side->prefix[3] << 8 | side->prefix[4];
	side->is_lost = side->prefix[0] > 1;
	if (is_compressed && side->value)
		side->decoder = encoding_new(side->encoding);
	side->is_readable = side->value && (!is_compressed || side->decoder);
	if (side->is_readable)
		protobuf_walk_start(&side->walk, side->value, side->context);
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
