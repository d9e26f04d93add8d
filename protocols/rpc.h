/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON-RPC 2.0, as the Model Context Protocol uses it: what one message says, and the desk where
 * requests wait whose answers come on another connection (another pipe, another HTTP stream).
 */
#ifndef PROTOCOLS_RPC_H
#define PROTOCOLS_RPC_H

#include "protocols/dialect.h"

#define RPC_WORD 64

struct rpc_message {
	bool is_rpc; /* it says so */
	bool has_arguments, has_result, has_error, tool_failed;
	char id[RPC_WORD]; /* a number, or a text behind a quote; "" for none */
	char method[RPC_WORD];
	char name[RPC_WORD]; /* of the tool, or the prompt */
	char version[RPC_WORD];
	int64_t error_code;
	int64_t results, tools;
	uint64_t argument_bytes, result_bytes; /* of the values alone */
	uint64_t argument_hash;
};

/* One value of a message; zeroed at its begin. */
void rpc_read(
	struct rpc_message *message, struct exchange_host *host, const struct dialect_value *value);

/* A request is read to its end: facts and name. */
void rpc_put_request(struct exchange *exchange, const struct rpc_message *message);

/* Its answer is. */
void rpc_put_response(struct exchange *exchange, const struct rpc_message *message);

/* Where a request waits, besides the process and the connection that its exchange_host tells of. */
struct rpc_place {
	/* of the request's session and id, where any connection may bring the answer; else 0 */
	uint64_t key;
	enum proto_way way; /* of the request */
};

struct rpc_desk;

struct rpc_desk *rpc_desk_new(void);

/* Whatever waits has failed. NULL is allowed here and below. */
void rpc_desk_free(struct rpc_desk *desk, uint64_t ticks);

/* Takes the exchange over; under a key, an answer that came before completes it at once. */
void rpc_ask(struct rpc_place place, const char *id, struct exchange *exchange, uint64_t ticks);

/*
 * To the request of that id that waits nearest: connections made together have numbers near each
 * other. `size` bytes of the answer began to come in `first` and are complete in `last`.
 */
void rpc_answer(struct exchange_host *host, struct rpc_place place,
	const struct rpc_message *message, const struct proto_piece *first,
	const struct proto_piece *last, size_t size);

/* The connection is over: what it has asked for will not be answered. */
void rpc_leave(struct exchange_host *host, uint64_t ticks);

#endif
