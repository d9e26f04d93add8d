/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket (RFC 6455), as what an HTTP/1 connection has become: masked frames, fragments, control
 * frames in between, permessage-deflate (RFC 7692). What the messages mean: socket_turns.h.
 */
#ifndef PROTOCOLS_WEBSOCKET_H
#define PROTOCOLS_WEBSOCKET_H

#include "protocols/dialect.h"
#include "protocols/protocol.h"

struct websocket;

/*
 * client_way: that of the upgrade's request, whose head it is. extensions: as the server has
 * accepted them. NULL when memory is out.
 */
struct websocket *websocket_new(struct exchange_host *host, enum proto_way client_way,
	const struct http_head *head, const char *extensions);

enum proto_verdict websocket_feed(
	struct websocket *socket, enum proto_way way, const struct proto_piece *piece);
void websocket_gap(struct websocket *socket, enum proto_way way, uint64_t size, uint64_t ticks);

/* The connection is over. Frees; NULL is allowed. */
void websocket_close(struct websocket *socket, uint64_t ticks);

#endif
