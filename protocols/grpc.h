/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gRPC adds to an HTTP/2 exchange: service and method, messages in the bodies, a status in the
 * trailers. http.c calls it; dialects get the fields of messages.
 */
#ifndef PROTOCOLS_GRPC_H
#define PROTOCOLS_GRPC_H

#include "protocols/content/protobuf_walk.h"
#include "protocols/exchange.h"

struct grpc;

bool grpc_is(const char *content_type);

/* The path is "/package.Service/Method". NULL when memory is out. */
struct grpc *grpc_begin(struct exchange *exchange, const char *path);

/* A side's head is read. encoding is of compressed messages; value may be NULL. */
void grpc_side(struct grpc *grpc, bool is_request, const char *encoding, protobuf_value_fn *value,
	void *context);
void grpc_body(struct grpc *grpc, bool is_request, const uint8_t *bytes, size_t size);
void grpc_gap(struct grpc *grpc, bool is_request, uint64_t size);

/* Puts the counts and the status; frees. NULL is allowed. */
void grpc_end(struct grpc *grpc);

#endif
