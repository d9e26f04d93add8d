/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans of language runtimes that have a number: they run in segments (wire/event.h), on any
 * thread, and name each other as parents. A span's row is written when its last segment has come;
 * whoever names it before is given the row's id ahead.
 *
 * Spans that are over are kept for a while, because what they have made may still name them.
 */
#ifndef DECODER_SEGMENT_H
#define DECODER_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "decoder/clock_align.h"
#include "decoder/store.h"
#include "decoder/trace_reader.h"
#include "wire/event.h"

struct segments;

struct segments *segments_new(struct store *store, struct clock_align *clock, int64_t *last_span);
void segments_free(struct segments *all);

/* What a kind's function is: enum rt_role. */
void segments_set_role(struct segments *all, uint32_t kind, uint32_t role);
uint32_t segments_role(const struct segments *all, uint32_t kind);

/* The block's links, before its calls; and spans that are gone, after them. */
void segments_link(struct segments *all, const struct trace_batch *batch);
void segments_end(struct segments *all, const struct trace_batch *batch);

/*
 * The row of a span. Where it has none yet it is given `promise`, if that is not 0: its children
 * have been told so already. Where they were told wrong, the answer is another.
 */
int64_t segments_row(struct segments *all, uint64_t number, int64_t promise);

/* Does its first segment stand apart from what it ran in? */
bool segments_is_apart(const struct segments *all, uint64_t number);

/* The request that a span is part of, by the number of its root; 0: none that is known. */
uint64_t segments_root(const struct segments *all, uint64_t number);

/* A root answers what has this row: that is its parent. */
void segments_answers(struct segments *all, uint64_t root, int64_t row);

/* A thread, as rows name it. */
struct segment_thread {
	int64_t row, span;
};

/* The parent of a span that stands apart, as a row, and why. Without one: the thread. */
int64_t segments_parent(struct segments *all, uint64_t number, uint32_t kind,
	const struct segment_thread *thread, uint8_t *evidence);

struct segment {
	uint64_t number;
	uint64_t start_ns, end_ns, self_ns;
	uint32_t flags; /* enum rt_segment */
	uint32_t kind;
	int64_t operation, thread, fold;
	int64_t thread_span;
	uint64_t root;	/* as the first segment says */
	int64_t parent; /* likewise */
	uint8_t evidence;
};
/* What all segments of a span took together. */
struct segment_sum {
	uint64_t active_ns, self_ns;
};
/* True where it was the span's last: then *sum is set. */
bool segments_take(struct segments *all, const struct segment *segment, struct segment_sum *sum);

/* One that never ended: its row is written now. */
void segments_open(struct segments *all, const struct segment *segment);

/* A row promised as somebody's parent became another; `lost`: none, the thread stands for it. */
void segments_moved(struct segments *all, int64_t promise, int64_t becomes, bool lost);

/* What a row says of a function: kind and status. */
uint8_t segments_span_kind(const struct segments *all, uint32_t kind);
int32_t segments_status(uint32_t flags);

struct segments_totals {
	uint64_t spans;
	uint64_t unfinished; /* suspended, and not seen again */
	uint64_t orphans;    /* that nothing says who made them */
	uint64_t strays;     /* children of spans that are not in the trace */
	bool failed;	     /* memory ran out */
};
/* Writes what never ended. */
void segments_finish(struct segments *all, struct segments_totals *totals);

#endif
