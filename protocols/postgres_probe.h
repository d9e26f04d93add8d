/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what a connection begins with, or is joined at, is PostgreSQL's. */
#ifndef PROTOCOLS_POSTGRES_PROBE_H
#define PROTOCOLS_POSTGRES_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "protocols/protocol.h"

#define STARTUP_MOST 10000

enum { CODE_STARTUP = 196608, CODE_SSL = 80877103, CODE_GSS = 80877104, CODE_CANCEL = 80877102 };

static inline uint32_t postgres_be32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
		bytes[3];
}

enum proto_verdict postgres_probe(enum proto_way way, const uint8_t *bytes, size_t size);

#endif
