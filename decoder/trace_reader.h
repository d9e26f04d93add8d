/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads .rtrace streams: one Batch at a time, in bounded memory, believing nothing. Owns <zstd.h>
 * on the reading side. A damaged block loses itself only: it is counted, and reading goes on at the
 * next block that is whole. What a Batch means is for others.
 *
 *	reader = trace_reader_open(paths, count, &error);
 *	while ((err = trace_reader_next(reader, &batch)) > 0)
 *		for (i = 0; i < batch.tables->n_calls; i++) {
 *			calls_start(&cursor, batch.tables->calls[i]);
 *			while (calls_next(&cursor, &call))
 *				...
 *		}
 */
#ifndef DECODER_TRACE_READER_H
#define DECODER_TRACE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/calls_cursor.h"
#include "trace_raw.pb-c.h"
#include "wire/frame.h"

struct trace_reader;

/* A message fit for log_error: what, on which file, why, what to try. */
struct trace_error {
	char text[512];
};

/*
 * Parts of one run in any order; "-" is standard input. One path alone brings the other parts of
 * its run that lie beside it (FILE.rtrace, FILE.1.rtrace...). NULL with errno and `error` set.
 */
struct trace_reader *trace_reader_open(
	const char *const *paths, size_t count, struct trace_error *error);
void trace_reader_free(struct trace_reader *reader);

/*
 * Which run a file is of, without reading on: tells the parts of one run from traces of several.
 * All zero for what gives its bytes only once. 0, or -errno with `error` set.
 */
int trace_run_of(const char *path, uint8_t run[16], struct trace_error *error);

/* The first header read: run identity, version. */
const struct rt_file_header *trace_reader_header(const struct trace_reader *reader);

/*
 * One block's content, valid until the next call. The tables are trace.proto's messages as
 * protobuf-c lays them out. Checked before it is handed out: columns hold exactly `count` numbers,
 * kinds are below RT_KIND_LIMIT, depths below 256, notes ascend and point into the columns.
 * NOT checked: string, thread and process numbers (trace_text takes any).
 */
struct trace_batch {
	const Ragtime__Raw__Batch *tables;
	uint64_t first_ns; /* as the block's header says */
	uint64_t last_ns;
	uint64_t calls;
	uint32_t sequence;
	uint32_t part;
	uint16_t flags;	 /* RT_BLOCK_* */
	bool after_loss; /* blocks between the one handed out before and this one are missing */
};

/*
 * 1: a batch; 0: the end of what there is (of a file that is still being written: ask again
 * later); -errno: the input cannot be read.
 */
int trace_reader_next(struct trace_reader *reader, struct trace_batch *batch);

/* String `number` of the batch, followed by a NUL; "" for one that is not there. */
const char *trace_text(const struct trace_batch *batch, uint32_t number);
size_t trace_text_size(const struct trace_batch *batch, uint32_t number);

enum trace_damage {
	TRACE_CHECKSUM,	  /* the bytes changed since they were written */
	TRACE_OVERSIZE,	  /* claims more than any honest block has */
	TRACE_COMPRESSED, /* the zstd frame does not unpack to what was claimed */
	TRACE_MESSAGE,	  /* no valid Batch */
	TRACE_CONTENT,	  /* a Batch that contradicts itself */
	TRACE_DAMAGES
};
const char *trace_damage_name(enum trace_damage damage);

struct trace_totals {
	uint64_t parts;
	uint64_t bytes;	       /* read, everything included */
	uint64_t blocks;       /* handed out */
	uint64_t packed_bytes; /* of those, compressed */
	uint64_t raw_bytes;    /* of those, unpacked */
	uint64_t calls;
	uint64_t missing;		 /* blocks that never came, by their sequence */
	uint64_t damaged[TRACE_DAMAGES]; /* blocks refused; they are also missing */
	uint64_t duplicates;		 /* skipped */
	uint64_t late;			 /* handed out, but out of order */
	uint64_t skipped_bytes;		 /* passed over in search of the next whole block */
	uint64_t torn_bytes;		 /* of a block at the end that is not complete */
	uint64_t unknown_fields;	 /* of a newer writer, ignored */
	bool finished;			 /* the last block was there */
};
void trace_reader_totals(const struct trace_reader *reader, struct trace_totals *totals);

/* Bytes read and bytes there are (0: a pipe), for a progress line. */
void trace_reader_progress(const struct trace_reader *reader, uint64_t *done, uint64_t *total);

#endif
