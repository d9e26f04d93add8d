/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wire protocol: bytes of one connection in, exchanges out. Pure functions over their own bounded
 * state: no I/O, no clock, no global. Bytes come from whoever the target talks to: read them with
 * lib/cursor.h, trust no length, allocate nothing a peer can make large.
 *
 * To add one: protocols/proto_X.c that defines `const struct protocol protocol_X`, and a
 * PROTOCOL(X) line in protocols.def (the order there is the order of probing).
 */
#ifndef PROTOCOLS_PROTOCOL_H
#define PROTOCOLS_PROTOCOL_H

#include "protocols/exchange.h"

enum proto_verdict {
	PROTO_OK,	 /* yes, or: taken */
	PROTO_NEED_MORE, /* cannot say yet */
	PROTO_NOT_MINE,	 /* no, or: lost; the host may probe again from here */
};

struct protocol {
	const char *name;
	/* Of one connection; zeroed before open. */
	size_t state_size;
	/* May this be how the connection begins, judging by what came first in either direction? */
	enum proto_verdict (*probe)(enum proto_way way, const uint8_t *bytes, size_t size);
	void (*open)(void *state, struct exchange_host *host);
	/*
	 * The next bytes of one direction. Pieces of any size give the same exchanges (only moments
	 * differ). A parser that has joined mid-stream, or met a gap, finds the next message by
	 * itself.
	 */
	enum proto_verdict (*feed)(
		void *state, enum proto_way way, const struct proto_piece *piece);
	/* `size` bytes of one direction were not copied. */
	void (*gap)(void *state, enum proto_way way, uint64_t size, uint64_t ticks);
	/*
	 * May be NULL. Some of the bytes that gap told of have come after all; they begin `back`
	 * bytes before where the direction stands.
	 */
	void (*late)(
		void *state, enum proto_way way, uint64_t back, const struct proto_piece *piece);
	/* The connection is over: unfinished exchanges end here, failed. Frees what open and feed
	 * took. */
	void (*close)(void *state, uint64_t ticks);
};

#define PROTOCOL(name) extern const struct protocol protocol_##name;
#include "protocols/protocols.def"
#undef PROTOCOL

/* All of them in the order of probing; ends with NULL. */
extern const struct protocol *const protocols[];

#endif
