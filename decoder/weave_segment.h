/* SPDX-License-Identifier: Apache-2.0 */
/* How segments of language runtimes' spans are woven: they are calls whose span may be another's.
 */
#ifndef DECODER_WEAVE_SEGMENT_H
#define DECODER_WEAVE_SEGMENT_H

#include "decoder/traits.h"
#include "decoder/weave.h"

/* The number of a runtime's span that has one; 0: none. */
static inline uint64_t weave_number(const struct section_call *call)
{
	return call->kind >= RT_KIND_RUNTIME ? (uint64_t)call->result : 0;
}

static inline uint8_t weave_span_kind(const struct weave *weave, uint32_t kind)
{
	return kind < RT_KIND_RUNTIME ? trait_of(kind)->span_kind
				      : segments_span_kind(weave->segments, kind);
}

static inline int32_t weave_status(const struct section_call *call)
{
	return call->kind < RT_KIND_RUNTIME ? trait_status(call->kind, call->result)
					    : segments_status((uint32_t)call->arg);
}

/* Is it a segment of a span whose parent is not what it stands in? */
bool weave_is_apart(const struct weave *weave, const struct section_call *call);

/* The root of the request that a call is part of, or that it is. */
uint64_t weave_root(const struct weave *weave, const struct section_call *calls, int32_t index);

/* Those that wait were promised a row: the one that the span had already may be another. */
int64_t weave_redeem(struct weave *weave, const struct level *level, uint64_t number);

/*
 * A numbered segment, times in ns. Fold, parent and evidence are those of what it stands in. True
 * at the span's last one: then its row is written, and *sum is what it ran in all.
 */
struct weave_place {
	int64_t fold, parent;
	uint64_t root; /* of the request */
	uint64_t self_ns;
	uint8_t evidence;
};
bool weave_put_segment(struct weave *weave, const struct thread *thread,
	const struct section_call *call, const struct weave_place *place, struct segment_sum *sum);

/* The row of a numbered span that never ended, as it would be without a number. */
void weave_put_open(
	struct weave *weave, uint64_t number, uint32_t kind, const int64_t row[SPAN_COLUMNS]);

#endif
