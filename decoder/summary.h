/* SPDX-License-Identifier: Apache-2.0 */
/* What `ragtime info` tells of one run: gathered batch by batch, in memory bounded by its threads.
 */
#ifndef DECODER_SUMMARY_H
#define DECODER_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/clock_align.h"
#include "decoder/trace_reader.h"
#include "lib/buf.h"
#include "lib/map.h"
#include "lib/strtab.h"

struct summary_loss {
	uint32_t reason;
	uint32_t thread; /* 0: none */
	uint64_t count;
};

/* Texts; `recorded` false: not at all. */
struct summary_limit {
	uint32_t module, function, reason;
	bool recorded;
};

struct summary {
	struct trace_totals totals;
	struct clock_align clock;
	struct strtab *texts; /* what the numbers below refer to */
	bool started;	      /* a Start was there */
	uint32_t version, host, kernel, mode, command, cpu_model, reason;
	uint8_t run[16];
	uint64_t ticks_per_second;
	unsigned finest_shift, coarsest_shift; /* of the units that times are kept in */
	bool timed;
	uint32_t processors;
	uint32_t tracer_pid;
	bool ended; /* an End was there */
	int32_t status;
	bool target_alive, status_unknown;
	bool content;
	uint64_t first_ns, last_ns;
	struct map threads;    /* id to tid | name << 32 */
	struct map processes;  /* the ids */
	struct map operations; /* kinds of functions that were named */
	struct map counters;   /* thread << 32 | kind, to calls */
	struct map losses;     /* reason << 32 | thread, to count */
	struct map metrics;    /* text to value */
	struct buf limits;     /* struct summary_limit, of functions by pattern */
	uint64_t open_calls;
};

/* 0, or -errno when the trace could not be read to its end (what was read is there). */
int summary_read(struct summary *summary, struct trace_reader *reader);
void summary_free(struct summary *summary);

const char *summary_text(const struct summary *summary, uint32_t number);

/* 32 hex digits. */
#define SUMMARY_RUN_SIZE 33
const char *summary_run(const struct summary *summary, char out[SUMMARY_RUN_SIZE]);

/* How the stream came to its end: "finished", "unfinished", "torn"... */
const char *summary_state(const struct summary *summary);

/* Between the slowest and the fastest stretch of the clock: parts per million; 0: not known. */
double summary_clock_spread(const struct summary *summary);

/* What times are rounded to, ns; false where it is not known. */
bool summary_units(const struct summary *summary, double *finest, double *coarsest);

uint64_t summary_counted(const struct summary *summary);

/* Functions by pattern that are not recorded, or not fully. Valid until the next read. */
const struct summary_limit *summary_limits(const struct summary *summary, size_t *count);

/* By reason, then thread, what the reader found missing included. The caller frees. */
struct summary_loss *summary_losses(const struct summary *summary, size_t *count);

/* "worker-3 (1234)" into `out`; "" for thread 0. */
const char *summary_thread(const struct summary *summary, uint32_t thread, char *out, size_t size);

#endif
