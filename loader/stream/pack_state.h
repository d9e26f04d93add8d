/* SPDX-License-Identifier: Apache-2.0 */
/* What pack.c (the life of a block) and pack_records.c (the way of a record) share. */
#ifndef LOADER_STREAM_PACK_STATE_H
#define LOADER_STREAM_PACK_STATE_H

#include "loader/stream/batch.h"
#include "loader/stream/host.h"
#include "loader/stream/known.h"
#include "loader/stream/pack.h"

#define CLOCKS_MAX 16

struct clock {
	uint64_t ticks, monotonic_ns, realtime_ns;
};

struct pack {
	struct trace_writer *writer;
	pack_mark_fn *on_mark;
	pack_ask_fn *ask;
	void *ask_context;
	void *context;
	Ragtime__Raw__Start start;
	struct host host; /* start points into it */
	char *mode, *command;
	uint8_t run[16];
	unsigned finest_shift;	/* of a thread whose calls are short */
	struct typical typical; /* of all threads: what to expect of a new one */
	struct known known;
	struct batch batch;
	struct map frames; /* of the batch, by what they are: their number in it */
	struct buf out;
	struct clock clocks[CLOCKS_MAX]; /* of this block; [0] is the last of the block before */
	unsigned clock_count;
	struct clock first_clock; /* of the run */
	uint32_t sequence;
	bool content;	       /* the user wants what is said to be kept */
	struct prices *prices; /* read when they are first needed */
	struct pack_model *models;
	uint32_t emits; /* blocks before this one, those that were lost too */
	struct pack_totals totals;
};

/* The newest; zeros before the first. */
const struct clock *pack_last_clock(const struct pack *pack);

/* A mark of a language runtime; others are left alone. `tail` may be NULL. */
void pack_runtime(struct pack *pack, uint32_t thread, const struct rt_record *record,
	const struct rt_tail *tail, const uint8_t *bytes);

/* A mark of what the program itself says; others are left alone. `tail` may be NULL. */
void pack_told(struct pack *pack, uint32_t thread, const struct rt_record *record,
	const struct rt_tail *tail, const uint8_t *bytes);

/* What was said in the exchange that is this row, if it was kept. It may end the block. */
struct exchange;
void pack_content(struct pack *pack, uint32_t index, const struct exchange *exchange);

/* The block in the making goes out, or is lost and counted as such. */
int pack_emit(struct pack *pack);

#endif
