/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of protocols.def as a table. */
#include "protocols/protocol.h"

const struct protocol *const protocols[] = {
#define PROTOCOL(name) &protocol_##name,
#include "protocols/protocols.def"
#undef PROTOCOL
	NULL,
};
