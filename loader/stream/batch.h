/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Batch of trace.proto while it grows, and its serialisation. Used by pack.c alone.
 *
 * Rows are protobuf-c's own message structs; their strings are numbers from batch_text.
 */
#ifndef LOADER_STREAM_BATCH_H
#define LOADER_STREAM_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/strtab.h"
#include "loader/stream/columns.h"
#include "trace_raw.pb-c.h"

/* An array of message structs of one type. */
struct rows {
	void *items;
	size_t count;
	size_t capacity;
	bool failed;
};

struct section {
	uint32_t thread;
	uint32_t weight;
	uint32_t checked; /* calls it had when its unit of time was last found right */
	struct columns columns;
	struct rows notes;
};

enum table {
	TABLE_CLOCK,
	TABLE_PROCESS,
	TABLE_THREAD,
	TABLE_OPERATION,
	TABLE_LOSS,
	TABLE_COUNTER,
	TABLE_OPEN,
	TABLE_METRIC,
	TABLE_USAGE,
	TABLE_LIMIT,
	TABLE_EXCHANGE,
	TABLE_FACT,
	TABLE_LINK,
	TABLE_COUNTED,
	TABLE_RUNTIME,
	TABLE_TOLD,
	TABLE_FRAME,
	TABLE_SAMPLE,
	TABLE_COUNT
};

struct batch {
	struct strtab *strings;
	size_t text_bytes;
	struct rows tables[TABLE_COUNT];
	struct section **sections;
	size_t section_count;
	size_t section_capacity; /* those beyond section_count are kept for their memory */
	uint32_t entries;	 /* in all sections */
	uint32_t calls;		 /* of those, no marks */
	uint64_t first_ticks;
	uint64_t last_ticks;
	Ragtime__Raw__Start *start; /* the caller's; NULL: none */
	Ragtime__Raw__End *end;
};

int batch_init(struct batch *batch);
void batch_free(struct batch *batch);
void batch_clear(struct batch *batch);

uint32_t batch_text(struct batch *batch, const void *bytes, size_t size);

/* A new section, its columns not yet started, or NULL. Valid until batch_clear. */
struct section *batch_section(struct batch *batch, uint32_t thread, uint32_t weight);

/* Copies the message into its table. */
void batch_row(struct batch *batch, enum table table, const void *message);
int section_note(struct section *section, const Ragtime__Raw__Note *note);

/* Anything but clocks in it? */
bool batch_is_empty(const struct batch *batch);

/* Replaces `out`. 0, or -ENOMEM (also where a row before did not fit). */
int batch_serialise(struct batch *batch, uint32_t sequence, struct buf *out);

#endif
