/* SPDX-License-Identifier: Apache-2.0 */
/* The last bytes of what was not copied of a stream, in runs that are contiguous there. */
#ifndef PRELOAD_PAYLOAD_TAIL_H
#define PRELOAD_PAYLOAD_TAIL_H

#include "preload/payload.h"

#define TAIL_RUNS 32

struct tail {
	__u32 taken;
	__u16 used; /* of bytes[] */
	__u16 runs;
	struct {
		__u64 position;
		__u64 size;
	} run[TAIL_RUNS];
	__u8 bytes[PAYLOAD_TAIL];
};

/* How many bytes, of these or of older ones, found no room. */
COLD __u64 tail_put(struct tail *tail, __u64 position, const __u8 *data, size_t size);

#endif
