/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the columns of one Calls section of trace.proto, undoing the deltas. Inline: this is what
 * every call of every trace goes through.
 *
 * The section must come from trace_reader_next, which has checked that each column holds exactly
 * `count` complete varints: so nothing here can run over an end.
 */
#ifndef DECODER_CALLS_CURSOR_H
#define DECODER_CALLS_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/varint.h"
#include "trace_raw.pb-c.h"

/* Calls whose kinds are equal modulo this share a predictor for arg and result. */
#define CALLS_PREDICTORS 64

struct call {
	uint64_t start;	   /* ticks */
	uint64_t duration; /* ticks */
	uint64_t arg;
	int64_t result;
	uint32_t kind;
	uint32_t depth;
	uint32_t note_count;
	Ragtime__Raw__Note *const *notes;
};

struct calls_cursor {
	const Ragtime__Raw__Calls *section;
	const uint8_t *kind, *start, *duration, *arg, *result;
	const uint8_t *depth; /* NULL: all 0 */
	uint64_t end;	      /* of the call before, units */
	unsigned shift;	      /* a unit is 1 << shift ticks */
	uint32_t last_depth;
	uint32_t index;
	Ragtime__Raw__Note *const *notes; /* those of the calls to come */
	size_t notes_left;
	uint64_t args[CALLS_PREDICTORS];
	uint64_t results[CALLS_PREDICTORS];
};

static inline uint64_t calls_varint(const uint8_t **column)
{
	const uint8_t *at = *column;
	uint64_t value = *at++;

	if (value >= 0x80) {
		unsigned shift = 7;

		value &= 0x7f;
		do {
			value |= (uint64_t)(*at & 0x7f) << shift;
			shift += 7;
		} while (*at++ >= 0x80);
	}
	*column = at;
	return value;
}

static inline void calls_start(struct calls_cursor *cursor, const Ragtime__Raw__Calls *section)
{
	*cursor = (struct calls_cursor){
		.section = section,
		.kind = section->kind.data,
		.start = section->start.data,
		.duration = section->duration.data,
		.arg = section->arg.data,
		.result = section->result.data,
		.depth = section->depth.len ? section->depth.data : NULL,
		.end = section->base_ticks >> section->tick_shift,
		.shift = section->tick_shift,
		.notes = section->notes,
		.notes_left = section->n_notes,
	};
}

/* Calls that each call of the section stands for. */
static inline uint32_t calls_weight(const Ragtime__Raw__Calls *section)
{
	return section->weight ? section->weight : 1;
}

static inline bool calls_next(struct calls_cursor *cursor, struct call *call)
{
	const Ragtime__Raw__Calls *section = cursor->section;
	uint64_t start, duration;
	unsigned slot;

	if (cursor->index >= section->count)
		return false;
	call->kind = (uint32_t)calls_varint(&cursor->kind);
	slot = call->kind % CALLS_PREDICTORS;
	start = cursor->end + (uint64_t)unzigzag(calls_varint(&cursor->start));
	duration = calls_varint(&cursor->duration);
	call->depth = cursor->depth ? (uint32_t)calls_varint(&cursor->depth) : 0;
	if (call->depth < cursor->last_depth)
		start -= duration; /* its end was stored */
	cursor->last_depth = call->depth;
	cursor->end = start + duration;
	call->start = start << cursor->shift;
	call->duration = duration << cursor->shift;
	call->arg = cursor->args[slot] += (uint64_t)unzigzag(calls_varint(&cursor->arg));
	cursor->results[slot] += (uint64_t)unzigzag(calls_varint(&cursor->result));
	call->result = (int64_t)cursor->results[slot];
	call->notes = cursor->notes;
	call->note_count = 0;
	while (cursor->notes_left && (*cursor->notes)->call == cursor->index) {
		cursor->notes++;
		cursor->notes_left--;
		call->note_count++;
	}
	cursor->index++;
	return true;
}

#endif
