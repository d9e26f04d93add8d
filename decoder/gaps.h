/* SPDX-License-Identifier: Apache-2.0 */
/* Which block numbers have come: tells the next one from a jump, a late one and a repeated one. */
#ifndef DECODER_GAPS_H
#define DECODER_GAPS_H

#include <stdint.h>

#define GAPS_MAX 256

enum gaps_verdict { GAPS_NEXT, GAPS_JUMP, GAPS_LATE, GAPS_REPEATED };

struct gaps {
	uint64_t next;	  /* one more than the highest number so far */
	uint64_t missing; /* numbers below it that never came */
	unsigned count;
	/* The newest gaps; a number in one that was let go would count as repeated. */
	struct gap {
		uint32_t first, last;
	} gap[GAPS_MAX];
};

enum gaps_verdict gaps_take(struct gaps *gaps, uint32_t number);

#endif
