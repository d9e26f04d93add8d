/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections in, folds and span rows out: for each call its parent (nest.h), its object, its place in
 * the call tree, and whether it becomes a row.
 *
 * A row always: what carries notes, failed, took SLOW_NS, or is of a telling kind; and whatever is
 * the parent of a row. Of the rest the first row_limit of each node of the call tree whose parents
 * are rows. All others live in their fold alone.
 */
#ifndef DECODER_WEAVE_H
#define DECODER_WEAVE_H

#include <stddef.h>
#include <stdint.h>

#include "decoder/actor.h"
#include "decoder/clock_align.h"
#include "decoder/exchange.h"
#include "decoder/fold.h"
#include "decoder/nest.h"
#include "decoder/objtab.h"
#include "decoder/section.h"
#include "decoder/segment.h"
#include "decoder/serve.h"
#include "decoder/store.h"
#include "decoder/timeline.h"

#define WEAVE_SLOW_NS 1000000

#define WEAVE_ALL_ROWS UINT32_MAX

/* Ticks: no honest section is rounded more coarsely. */
#define WEAVE_UNIT_MAX 4096

/* What is known of a kind's operation. */
#define WEAVE_KIND_USED 1
#define WEAVE_KIND_STORED 2

struct weave {
	struct store *store;
	struct objtab *objects;
	struct folds *folds;
	struct clock_align *clock;
	struct changes *changes;
	struct exchanges *exchanges;
	struct timeline *timeline;
	struct segments *segments;
	struct serves *serves;
	const struct trace_batch *batch;
	const struct section_call *block_calls; /* all of the block */
	uint32_t row_limit;			/* 0: no tiny rows */
	int64_t last_span;
	int64_t first_object;	/* row id of object 0 */
	int64_t first_function; /* row id of the operation of kind RT_KIND_FUNCTION */
	uint8_t *kind_used;	/* by kind */
	uint64_t coarse;	/* calls whose place in the tree was refused for want of room */
	bool failed;		/* memory ran out */

	struct nest nest;
	int32_t *parents;
	struct woven {
		int64_t id; /* of the row, once known */
		uint64_t children_ns;
		uint32_t fold;
		uint32_t object;
		uint8_t row;
		uint8_t waits;		/* it or a call around it waits for a parent */
		uint8_t nested_deepest; /* inside another call at NEST_DEEPEST */
	} * woven;
	size_t capacity;
};

static inline int64_t weave_operation(const struct weave *weave, uint32_t kind)
{
	return kind < RT_KIND_FUNCTION ? kind : weave->first_function + (kind - RT_KIND_FUNCTION);
}

void weave_free(struct weave *weave);

/* Rewrites the section's times from ticks to nanoseconds. 0 or -ENOMEM. */
int weave_section(struct weave *weave, struct thread *thread, const struct section *section,
	struct section_call *calls);

/* Calls that never ended, outermost first. */
struct weave_open {
	uint32_t kind;
	uint32_t depth;
	uint64_t start; /* ticks */
	uint64_t arg;
};
void weave_open_calls(
	struct weave *weave, struct thread *thread, struct weave_open *calls, size_t count);

/* No more calls of this thread: whoever still waits for a parent is an orphan. */
void weave_end(struct weave *weave, struct thread *thread);

#endif
