/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a process's descriptors are connected to, as its connect, bind and accept calls say: for the
 * parsers, which may take a protocol from its port.
 */
#ifndef LOADER_STREAM_PEERS_H
#define LOADER_STREAM_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/event.h"

struct peers;

/* NULL when memory is out; the others take that. */
struct peers *peers_new(void);
void peers_free(struct peers *peers);

/* A call that has an address: its bytes are a struct sockaddr, not to be trusted. */
void peers_call(struct peers *peers, uint32_t process, const struct rt_record *record,
	const uint8_t *bytes, size_t size);

struct peer {
	char name[46]; /* the server's address where this end has connected to it, else "" */
	uint16_t port; /* of the server, whichever end that is; 0: unknown */
};

/* The last one that was told of, if that is not later than `ticks`. False where there is none. */
bool peers_find(
	const struct peers *peers, uint32_t process, int fd, uint64_t ticks, struct peer *peer);

#endif
