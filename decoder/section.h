/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block's calls as arrays: decoded once, then walked backwards and forwards. A section is what
 * one block holds of one thread.
 */
#ifndef DECODER_SECTION_H
#define DECODER_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/trace_reader.h"
#include "wire/ring.h"

struct section_call {
	uint64_t start; /* ticks */
	uint64_t end;
	uint64_t arg;
	int64_t result;
	uint32_t kind;
	uint32_t first_note;
	uint16_t note_count;
	uint8_t depth;
};

/* A moment, not a call: it has a parent and cannot be one. */
static inline bool section_is_mark(const struct section_call *call)
{
	return rt_is_mark(call->kind);
}

struct section {
	uint32_t thread; /* as in the stream */
	uint32_t weight;
	uint64_t unit; /* ticks: both ends of its calls are rounded down to a multiple */
	size_t first;  /* into the block's calls */
	size_t count;
	const Ragtime__Raw__Calls *raw; /* for the notes */
};

struct sections {
	struct section *sections;
	size_t count;
	size_t capacity;
	struct section_call *calls;
	size_t call_count;
	size_t call_capacity;
};

void sections_free(struct sections *sections);

/* Replaces what was there. 0 or -ENOMEM. */
int sections_decode(struct sections *sections, const struct trace_batch *batch);

/* The bytes of the call's note of a type (enum rt_tail_type); NULL where it has none. */
const char *section_text(const struct trace_batch *batch, const struct section *section,
	const struct section_call *call, uint32_t type, size_t *size);

#endif
