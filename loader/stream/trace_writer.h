/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks out: compresses packed Batches, frames them (wire/frame.h) and hands them to a sink.
 * Owns <zstd.h> on the writing side. Knows nothing of what is in a Batch.
 */
#ifndef LOADER_STREAM_TRACE_WRITER_H
#define LOADER_STREAM_TRACE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_writer;

struct trace_writer_options {
	const char *output; /* a path, "-" or "fd:N" for a pipe, "unix:PATH" for a socket */
	uint64_t max_size;  /* rotate into parts of about this size; 0: one file */
	unsigned max_parts; /* keep the newest of them; 0: all */
	int level;	    /* zstd's; 0: the default, 1 */
	uint8_t run[16];
};

/*
 * NULL with errno set. Files are made 0600 and never through an existing symbolic link; a file that
 * stands there is replaced only if it is empty or a trace. Parts of a rotated trace: lib/part.h.
 */
struct trace_writer *trace_writer_new(const struct trace_writer_options *options);

/* What to try after this errno of trace_writer_new or -error of trace_writer_put; "" for no idea.
 */
const char *trace_writer_advice(int error);

/* Only whole blocks are in the file at any time, so there is nothing to finish. */
void trace_writer_free(struct trace_writer *writer);

struct trace_block {
	const void *batch;
	size_t size;
	uint64_t first_ns;
	uint64_t last_ns;
	uint32_t calls;
	uint16_t flags; /* RT_BLOCK_* */
};

/*
 * 0, or -errno when the output failed (disk full, reader gone). After a failure every call fails
 * with the same error at once: the caller goes on draining, counts what it could not write, and
 * reports it. The file up to the last whole block stays readable.
 */
int trace_writer_put(struct trace_writer *writer, const struct trace_block *block);

/* True while the next block will be the first of its part: its Batch must carry Start. */
bool trace_writer_begins_part(const struct trace_writer *writer);

uint64_t trace_writer_bytes(const struct trace_writer *writer);

/* Where the trace is, for messages: the path, or what the sink is. */
const char *trace_writer_name(const struct trace_writer *writer);

#endif
