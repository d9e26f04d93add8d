/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS connections whose plain text nobody has shown us, by process: begun on the wire, but no
 * library that is hooked has told of a handshake. Go, rustls and BoringSSL inside the program are
 * so.
 */
#ifndef LOADER_STREAM_SEALED_H
#define LOADER_STREAM_SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/map.h"
#include "loader/stream/pack.h"

struct sealed {
	struct map begun; /* process: thread << 32 | connections */
	struct map known; /* process: handshakes told of */
};

/* Do the first bytes of one direction of a connection begin a TLS handshake? */
bool sealed_begins(const uint8_t *bytes, size_t size);

void sealed_begun(struct sealed *sealed, uint32_t process, uint32_t thread);
void sealed_known(struct sealed *sealed, uint32_t process);

/* What is left over of each process, as a loss of the thread that began one. */
void sealed_tell(const struct sealed *sealed, struct pack *pack, uint64_t now_ns);
void sealed_free(struct sealed *sealed);

#endif
