/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges (requests and their answers, found by the tracer in the bytes of connections) as span
 * rows. An exchange belongs to the call around its request's first byte: the data mark that carried
 * it stands in its thread's calls and arrives long before the exchange is over, so each mark leaves
 * a row id, its parent and its object behind here, and the exchange takes them up.
 */
#ifndef DECODER_EXCHANGE_H
#define DECODER_EXCHANGE_H

#include <stdint.h>

#include "decoder/class_rules.h"
#include "decoder/clock_align.h"
#include "decoder/join.h"
#include "decoder/store.h"
#include "decoder/timeline.h"
#include "decoder/trace_reader.h"

struct exchanges;
struct segments;
struct serves;

/* The operations of exchanges are numbered from first_operation on. */
struct exchanges *exchanges_new(struct store *store, struct clock_align *clock,
	const struct class_rules *rules, struct timeline *timeline, struct joins *joins,
	int64_t first_operation, int64_t first_object);
void exchanges_free(struct exchanges *all);

/* Who sent the bytes of a connection, where the program itself tells (told.h). */
struct told;
void exchanges_know(struct exchanges *all, struct told *told);
/* From here on functions that answered requests are put below them. */
void exchanges_serve(struct exchanges *all, struct segments *segments, struct serves *serves);

struct exchange_mark {
	uint32_t connection; /* number, as in the mark's arg */
	uint64_t mark;	     /* its result */
	int64_t id;	     /* reserved for the exchange's row */
	int64_t parent;
	int64_t object; /* row id, or STORE_NULL */
	uint32_t line;	/* timeline.h; 0: none */
	uint8_t evidence;
};
/* 0 or -ENOMEM. The oldest marks make room for new ones. */
int exchanges_mark(struct exchanges *all, const struct exchange_mark *mark);

/* The call that marks were promised as their parent has another row. */
void exchanges_move(struct exchanges *all, int64_t promise, int64_t becomes);

/* The call that marks were promised as their parent never came. */
void exchanges_orphan(struct exchanges *all, int64_t promise, int64_t becomes);

/*
 * The block's exchanges. thread_row and thread_span are those of the exchange's thread; next_id
 * gives an id to one whose mark is not known.
 */
struct exchange_actor {
	int64_t thread_row, thread_span;
};
typedef struct exchange_actor exchange_actor_fn(void *context, uint32_t thread);
int exchanges_take(struct exchanges *all, const struct trace_batch *batch,
	exchange_actor_fn *actor_of, void *context, int64_t *last_span);

#endif
