/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two processes of one trace that talk to each other: the client's request becomes the parent of
 * the one that the server answered. They are one where they begin at the same byte of the same
 * connection: its ends name each other's addresses, and the server began while the client waited.
 * Of Unix sockets one end has no name: there all requests of a connection must fit one other. A
 * traceparent that both have seen says the same. What fits two fits none.
 */
#ifndef DECODER_JOIN_H
#define DECODER_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "decoder/objtab.h"
#include "decoder/store.h"

struct joins;

/* NULL when memory is out. */
struct joins *joins_new(void);
void joins_free(struct joins *joins);

struct join_request {
	int64_t span;
	uint32_t object;   /* its connection's; 0: unknown */
	uint64_t position; /* of its first byte in its direction */
	uint64_t start, end;
	const char *traceparent; /* or NULL */
	bool is_server;
};
/* 0 or -ENOMEM. Beyond a bounded number they stay alone. */
int joins_add(struct joins *joins, const struct join_request *request);

/* Once all connections are known. */
void joins_link(struct joins *joins, struct objtab *objects, struct store *store);

#endif
