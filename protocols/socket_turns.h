/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the messages of a WebSocket mean. Where a dialect knows them (dialect.h: dialect_socket), a
 * request and its answer are an exchange. Else an exchange is a turn: what the client says until
 * the server has answered and the client speaks again.
 */
#ifndef PROTOCOLS_SOCKET_TURNS_H
#define PROTOCOLS_SOCKET_TURNS_H

#include "protocols/dialect.h"

struct socket_turns;

/* NULL when memory is out. */
struct socket_turns *socket_turns_new(
	struct exchange_host *host, enum proto_way client_way, const struct http_head *head);

/* A message begins; wire bytes of it; its text where it is one, unpacked; it is over. */
void socket_turns_message(
	struct socket_turns *turns, enum proto_way way, const struct proto_piece *piece);
void socket_turns_moved(struct socket_turns *turns, enum proto_way way,
	const struct proto_piece *piece, size_t size);
void socket_turns_text(struct socket_turns *turns, enum proto_way way,
	const struct proto_piece *piece, const uint8_t *bytes, size_t size);
void socket_turns_message_end(
	struct socket_turns *turns, enum proto_way way, const struct proto_piece *piece);

/* Bytes of the message at hand are missing; or all the rest of it. */
void socket_turns_gap(struct socket_turns *turns, enum proto_way way);
void socket_turns_abandon(struct socket_turns *turns, enum proto_way way);

/* One end has said that it closes; 0: without a code. */
void socket_turns_closing(struct socket_turns *turns, unsigned code);

/* The connection is over. Frees. */
void socket_turns_end(struct socket_turns *turns, uint64_t ticks);

#endif
