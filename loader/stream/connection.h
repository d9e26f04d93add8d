/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From payload excerpts to exchanges: puts the data marks of all threads in the order of time,
 * gives each connection's bytes to the protocol that claims it, and packs what that finds. The
 * bytes stay in this process's memory and go when they have been read.
 */
#ifndef LOADER_STREAM_CONNECTION_H
#define LOADER_STREAM_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "loader/stream/pack.h"

struct connections;

/* Lowers how much is copied of a connection: enum rt_steer. */
typedef void connections_steer_fn(void *context, uint32_t number, unsigned steer);

struct connections *connections_new(struct pack *pack, connections_steer_fn *steer, void *context);
/* Rules as forced.h has them, borrowed. */
void connections_force(struct connections *all, char *const *rules);
/* What is said from now on is kept with its exchange. */
void connections_keep_content(struct connections *all);
void connections_free(struct connections *all);

/* A data mark of a thread of a process; the bytes are copied. */
void connections_data(struct connections *all, uint32_t process, uint32_t thread,
	const struct rt_record *record, const uint8_t *bytes, size_t size, unsigned type);

/* A TLS library that is hooked says that a handshake of this process is done. */
void connections_handshake(struct connections *all, uint32_t process);
/* A call of a process that tells who its descriptor's peer is (peers.h). */
void connections_address(struct connections *all, uint32_t process, const struct rt_record *record,
	const uint8_t *bytes, size_t size);

/* No mark older than `ticks` will come any more: what has come until then is parsed. */
void connections_settle(struct connections *all, uint64_t ticks);

/* Everything is over. */
void connections_finish(struct connections *all, uint64_t ticks);

/* At the end: what was there and could not be read, as losses of the trace. */
void connections_tell(const struct connections *all, uint64_t now_ns);

struct connections_totals {
	uint64_t connections;
	uint64_t recognised;
	uint64_t exchanges;
	uint64_t bytes;
	uint64_t dropped_bytes; /* for want of memory, or out of order */
};
void connections_totals(const struct connections *all, struct connections_totals *totals);

#endif
