/* SPDX-License-Identifier: Apache-2.0 */
/* What decoding one run keeps between blocks; shared by decode*.c and finish.c alone. */
#ifndef DECODER_DECODE_STATE_H
#define DECODER_DECODE_STATE_H

#include <stdbool.h>

#include "decoder/actor.h"
#include "decoder/clock_align.h"
#include "decoder/decode.h"
#include "decoder/fold.h"
#include "decoder/resolve.h"
#include "decoder/told.h"
#include "decoder/weave.h"
#include "lib/buf.h"
#include "lib/strtab.h"

struct decode_counter {
	uint32_t thread, kind;
	uint64_t calls, bytes;
};

struct decode {
	struct store *store;
	const struct class_rules *rules;
	struct trace_reader *reader;
	struct trace_batch batch;
	struct clock_align clock;
	struct actors actors;
	struct folds folds;
	struct changes changes;
	struct objtab *objects;
	struct sections sections;
	struct weave weave;
	struct joins *joins;
	struct told *told;

	/* row ids: of what the stream calls number n it is base + n */
	int64_t run_row, process_base, thread_base, object_base, frame_base;

	struct resolve_birth *births; /* of this block */
	size_t birth_count, birth_capacity;
	struct map frames;	   /* of samples: a place in code to its row */
	struct map uncounted;	   /* thread << 32 | kind: calls so far */
	struct map counter_by_key; /* thread << 32 | kind to index + 1 */
	struct decode_counter *counters;
	size_t counter_count, counter_capacity;
	struct strtab *metric_names;
	struct map metrics; /* name to value */

	char *version, *host, *kernel, *mode, *command, *cpu_model, *reason;
	uint32_t processors;
	uint64_t first_ns, last_ns;
	int64_t status;
	bool ended, content, has_status;
	uint64_t stray;
	struct buf hist, folded_hist;
	uint64_t unseen;	      /* interpreters whose functions cannot be seen */
	struct segments_totals spans; /* of language runtimes; known at the end */
	bool failed;		      /* memory ran out */
};

/* Writes the call tree of a thread and forgets it. */
void decode_release_thread(struct decode *decode, struct thread *thread);

/* Of an operation that is no exchange; module NULL: no function, but an event's name. `given`: what
 * a function pack says. */
uint32_t decode_class(
	const struct decode *decode, const char *name, const char *module, uint32_t given);

/* Of a language runtime: a function, and the runtime itself. */
void decode_function(struct decode *decode, const Ragtime__Raw__Operation *raw);
void decode_runtime(struct decode *decode, const Ragtime__Raw__Runtime *raw);

/* Samples, and the places in code that they refer to. */
void decode_samples(struct decode *decode);

/* All that is known only at the end: roots, objects, operations, losses, the run. */
void decode_finish(struct decode *decode);

#endif
