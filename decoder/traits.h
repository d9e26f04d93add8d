/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder has to know of each kind of call beyond what wire/event.def says. */
#ifndef DECODER_TRAITS_H
#define DECODER_TRAITS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/event.h"

enum trait_flag {
	TRAIT_ROW = 1,	    /* always a span row: rare and telling */
	TRAIT_BYTES = 2,    /* a positive result is a number of bytes */
	TRAIT_MAKES = 4,    /* its object exists from its end on, not from its start */
	TRAIT_CHANGES = 8,  /* changes what descriptors or handles stand for */
	TRAIT_MARK = 16,    /* a moment, not a call */
	TRAIT_UNKNOWN = 32, /* not in event.def */
	TRAIT_LINE = 64	    /* tells something of a connection (timeline.h) */
};

struct trait {
	uint8_t flags;
	uint8_t arg;	   /* enum rt_arg */
	uint8_t span_kind; /* enum rt_span_kind */
};

#define TRAITS 512

extern struct trait traits[TRAITS];
extern const struct trait trait_function, trait_unknown;

/* Before anything else here. */
void traits_init(void);

static inline const struct trait *trait_of(uint32_t kind)
{
	if (kind < TRAITS)
		return &traits[kind];
	return kind >= RT_KIND_FUNCTION ? &trait_function : &trait_unknown;
}

/* The errno a call failed with, or 0. */
static inline int32_t trait_status(uint32_t kind, int64_t result)
{
	return kind < RT_KIND_FUNCTION && result < 0 && result >= -4095 ? (int32_t)-result : 0;
}

/* "Not now" is an answer, not a failure: event loops get it all the time. */
static inline bool trait_is_failure(int32_t status)
{
	return status && status != EAGAIN && status != EINTR && status != EINPROGRESS;
}

#endif
