/* SPDX-License-Identifier: Apache-2.0 */
/* One run's trace into a store: reads the blocks, keeps the actors, weaves the calls. */
#ifndef DECODER_DECODE_H
#define DECODER_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "decoder/class_rules.h"
#include "decoder/store.h"
#include "decoder/trace_reader.h"

struct decode_options {
	uint32_t row_limit; /* rows of tiny calls a node of the call tree; WEAVE_ALL_ROWS */
	const struct class_rules *rules; /* of operation classes; NULL: none */
	/* told after each block; total 0: not known */
	void (*progress)(uint64_t done, uint64_t total);
};

struct decode_summary {
	char run[33];
	struct trace_totals trace;
	uint64_t processes, threads, objects, folds, rows;
	uint64_t unpaired, unfinished, unknown_kinds;
	uint64_t stray; /* calls of threads that are not described */
};

/* Parts of one run. 0, or -1 with `error` set: the store is then of no use. */
int decode_run(struct store *store, const char *const *paths, size_t count,
	const struct decode_options *options, struct decode_summary *summary,
	struct trace_error *error);

#endif
