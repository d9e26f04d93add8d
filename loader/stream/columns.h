/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Calls section of trace.proto while it grows: records of one thread turned into columns of
 * varints. This is the drain's inner loop. Records have been checked by the caller.
 */
#ifndef LOADER_STREAM_COLUMNS_H
#define LOADER_STREAM_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/event.h"

/* Calls whose kinds are equal modulo this share a predictor for arg and result. */
#define COLUMNS_PREDICTORS 64

enum column { COLUMN_KIND, COLUMN_START, COLUMN_DURATION, COLUMN_ARG, COLUMN_RESULT, COLUMN_DEPTH };
#define COLUMN_COUNT 6

struct columns {
	struct {
		uint8_t *data;
		size_t size;
		size_t capacity;
	} column[COLUMN_COUNT];
	uint32_t count;
	unsigned tick_shift; /* times are kept in units of 1 << tick_shift ticks */
	uint64_t base_ticks; /* what the first start is relative to: a multiple of the unit */
	uint64_t end;	     /* of the last call, units */
	uint64_t edge;	     /* where the section before ended, ticks */
	uint64_t edge_unit;  /* the unit that the edge cuts in two */
	uint32_t depth;	     /* of the last call */
	uint32_t depths;     /* all depths or-ed: 0 leaves the depth column out */
	uint64_t args[COLUMNS_PREDICTORS];
	uint64_t results[COLUMNS_PREDICTORS];
};

/*
 * An empty section whose first call starts about `ticks`; keeps the memory of the one before. edge:
 * columns_end of the thread's section before, whose unit may have been another; 0 for none.
 */
void columns_start(struct columns *columns, uint64_t ticks, unsigned tick_shift, uint64_t edge);

/* The end of the last call as it was stored, in ticks. */
uint64_t columns_end(const struct columns *columns);
void columns_free(struct columns *columns);

/* 0, or -ENOMEM with nothing added. */
int columns_add(struct columns *columns, const struct rt_record *records, size_t count);

#endif
