/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ticks of the capture clock to CLOCK_MONOTONIC nanoseconds: straight lines between the Clock
 * triples of the stream. Never runs backwards; steps of the realtime clock do not touch it. Bounded
 * memory: of very many points some in the middle are let go.
 *
 * Add a Batch's clocks before converting its ticks.
 */
#ifndef DECODER_CLOCK_ALIGN_H
#define DECODER_CLOCK_ALIGN_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_SHIFT 44 /* a rate is nanoseconds a tick << CLOCK_SHIFT */

struct clock_line {
	uint64_t from; /* ticks */
	uint64_t span; /* ticks */
	uint64_t ns;   /* at from */
	uint64_t rate;
};

struct clock_align {
	struct clock_line line; /* the one used last */
	struct clock_point {
		uint64_t ticks;
		uint64_t ns;
	} * points;
	size_t count;
	size_t capacity;
	uint64_t nominal; /* rate by ticks_per_second, for want of points; 0: not known */
	int64_t epoch_ns; /* realtime less monotonic at the first point */
	int64_t last_epoch_ns;
	uint64_t added;	  /* points given */
	uint64_t refused; /* of those: clocks that ran backwards */
	uint64_t steps;	  /* jumps of realtime by more than a millisecond */
	double slowest;	  /* ticks a second between two points at least 1 ms apart, lowest */
	double fastest;	  /* and highest */
};

void clock_align_init(struct clock_align *align, uint64_t ticks_per_second);
void clock_align_free(struct clock_align *align);

/* Known only once Start has been read, which may be after points came (a damaged first block). */
void clock_align_nominal(struct clock_align *align, uint64_t ticks_per_second);

/* 0, or -ENOMEM. Points that contradict the ones before are refused and counted. */
int clock_align_add(
	struct clock_align *align, uint64_t ticks, uint64_t monotonic_ns, uint64_t realtime_ns);

/* The slow half of clock_align_ns: finds the line for these ticks first. */
uint64_t clock_align_seek(struct clock_align *align, uint64_t ticks);

static inline uint64_t clock_align_ns(struct clock_align *align, uint64_t ticks)
{
	const struct clock_line *line = &align->line;
	uint64_t since = ticks - line->from;

	if (since < line->span)
		return line->ns + (uint64_t)((unsigned __int128)since * line->rate >> CLOCK_SHIFT);
	return clock_align_seek(align, ticks);
}

/* A length of time: ticks that passed around `at`. */
static inline uint64_t clock_align_length(struct clock_align *align, uint64_t at, uint64_t ticks)
{
	return clock_align_ns(align, at + ticks) - clock_align_ns(align, at);
}

#endif
