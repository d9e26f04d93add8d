/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans that the program itself tells (through hook.cjs, ragtime.h), as rows, and whose bytes its
 * connections carry. A span's row is written when it ends; its parent is the one that it was begun
 * with. What a function does while one of its own is open stands inside that. Of one that answers a
 * request the exchange found on its connection is the row, if there is.
 */
#ifndef DECODER_TOLD_H
#define DECODER_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "decoder/actor.h"
#include "decoder/class_rules.h"
#include "decoder/clock_align.h"
#include "decoder/segment.h"
#include "decoder/store.h"
#include "decoder/trace_reader.h"

struct told;

/* Their operations are numbered far behind all others. */
#define TOLD_OPERATIONS (1 << 26)

struct told_context {
	struct store *store;
	struct clock_align *clock;
	const struct class_rules *rules;
	struct segments *segments; /* the runtime's own spans, which they may stand below */
	int64_t *last_span;	   /* ids given out to rows */
	int64_t first_operation;   /* those of told spans are numbered from here on */
};
struct told *told_new(const struct told_context *context);
void told_free(struct told *told);

/* A block's rows. 0 or -ENOMEM. */
int told_take(struct told *told, const struct trace_batch *batch, const struct actors *actors);

/* Spans that have not ended, as such. 0 or -ENOMEM. */
int told_finish(struct told *told);

/* The span that sent a request, by the program's own word, as its row's id; 0: it said nothing. */
int64_t told_sender(const struct told *told, const Ragtime__Raw__Exchange *exchange);

/*
 * The id of the span that answers a request: the exchange's row takes its place. Where none is
 * known yet, `row`, which one that is told later shall have.
 */
int64_t told_answerer(struct told *told, const Ragtime__Raw__Exchange *exchange, int64_t row);

#endif
