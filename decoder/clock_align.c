/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/clock_align.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX 65536
#define STEP_NS 1000000
#define RATE_SPAN_NS 1000000
#define OUTER_SPAN_NS 50000000

void clock_align_init(struct clock_align *align, uint64_t ticks_per_second)
{
	memset(align, 0, sizeof(*align));
	clock_align_nominal(align, ticks_per_second);
}

void clock_align_free(struct clock_align *align)
{
	free(align->points);
	align->points = NULL;
	align->count = align->capacity = 0;
	align->line.span = 0;
}

void clock_align_nominal(struct clock_align *align, uint64_t ticks_per_second)
{
	align->nominal = 0;
	if (ticks_per_second >= 1000000)
		align->nominal = (uint64_t)(((unsigned __int128)1000000000 << CLOCK_SHIFT) /
			ticks_per_second);
	align->line.span = 0;
}

static void note_realtime(struct clock_align *align, uint64_t monotonic_ns, uint64_t realtime_ns)
{
	int64_t epoch = (int64_t)(realtime_ns - monotonic_ns);
	int64_t change = epoch - align->last_epoch_ns;

	if (!align->count)
		align->epoch_ns = epoch;
	else if (change > STEP_NS || change < -STEP_NS)
		align->steps++;
	align->last_epoch_ns = epoch;
}

static void note_rate(struct clock_align *align, const struct clock_point *from, uint64_t ticks,
	uint64_t monotonic_ns)
{
	double rate;

	if (monotonic_ns - from->ns < RATE_SPAN_NS)
		return;
	rate = (double)(ticks - from->ticks) * 1e9 / (double)(monotonic_ns - from->ns);
	if (align->slowest == 0 || rate < align->slowest)
		align->slowest = rate;
	if (rate > align->fastest)
		align->fastest = rate;
}

/* Room for one more: of very many points, every second one in the older half goes. */
static int make_room(struct clock_align *align)
{
	size_t capacity = align->capacity ? align->capacity * 2 : 64;
	size_t kept = 1;

	if (align->count < align->capacity)
		return 0;
	if (align->capacity < POINTS_MAX) {
		struct clock_point *points =
			realloc(align->points, capacity * sizeof(*align->points));

		if (!points)
			return -ENOMEM;
		align->points = points;
		align->capacity = capacity;
		return 0;
	}
	for (size_t i = 2; i < align->count; i += i < align->count / 2 ? 2 : 1)
		align->points[kept++] = align->points[i];
	align->count = kept;
	return 0;
}

int clock_align_add(
	struct clock_align *align, uint64_t ticks, uint64_t monotonic_ns, uint64_t realtime_ns)
{
	const struct clock_point *last;

	align->added++;
	if (align->count) {
		last = &align->points[align->count - 1];
		/* Each Batch repeats the last point of the one before. */
		if (ticks == last->ticks && monotonic_ns == last->ns)
			return 0;
		if (ticks <= last->ticks || monotonic_ns < last->ns) {
			align->refused++;
			return 0;
		}
	}
	if (make_room(align))
		return -ENOMEM;
	note_realtime(align, monotonic_ns, realtime_ns);
	if (align->count)
		note_rate(align, &align->points[align->count - 1], ticks, monotonic_ns);
	align->points[align->count++] = (struct clock_point){ticks, monotonic_ns};
	align->line.span = 0;
	return 0;
}

static uint64_t scale(uint64_t ticks, uint64_t rate)
{
	return (uint64_t)((unsigned __int128)ticks * rate >> CLOCK_SHIFT);
}

/* Between two points. Rounded down: a line never overshoots its end. */
static uint64_t rate_of(const struct clock_point *from, const struct clock_point *to)
{
	unsigned __int128 rate = (unsigned __int128)(to->ns - from->ns) << CLOCK_SHIFT;

	rate /= to->ticks - from->ticks;
	return rate > UINT64_MAX ? UINT64_MAX : (uint64_t)rate;
}

/*
 * For what lies outside of all points, from the end at `edge` inwards by `step`: over a stretch
 * long enough that the points' own error does not matter.
 */
static uint64_t outer_rate(const struct clock_align *align, size_t edge, int step)
{
	const struct clock_point *outer = &align->points[edge], *inner = outer;
	uint64_t span = 0;

	for (size_t i = 1; i < align->count && span < OUTER_SPAN_NS; i++) {
		inner += step;
		span = step > 0 ? inner->ns - outer->ns : outer->ns - inner->ns;
	}
	if (span < OUTER_SPAN_NS && align->nominal)
		return align->nominal;
	if (inner == outer)
		return 1ull << CLOCK_SHIFT;
	return step > 0 ? rate_of(outer, inner) : rate_of(inner, outer);
}

/* The last point at or before `ticks`, which is not before the first one. */
static size_t find_point(const struct clock_align *align, uint64_t ticks)
{
	size_t low = 0, high = align->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (align->points[middle].ticks <= ticks)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint64_t clock_align_seek(struct clock_align *align, uint64_t ticks)
{
	size_t count = align->count, index;
	struct clock_line *line = &align->line;

	if (!count)
		return scale(ticks, align->nominal ? align->nominal : 1ull << CLOCK_SHIFT);
	if (ticks < align->points[0].ticks) {
		uint64_t rate = outer_rate(align, 0, 1);
		uint64_t before = scale(align->points[0].ticks - ticks, rate);

		return before < align->points[0].ns ? align->points[0].ns - before : 0;
	}
	index = find_point(align, ticks);
	line->from = align->points[index].ticks;
	line->ns = align->points[index].ns;
	if (index + 1 < count) {
		line->span = align->points[index + 1].ticks - line->from;
		line->rate = rate_of(&align->points[index], &align->points[index + 1]);
	} else {
		line->span = UINT64_MAX - line->from;
		line->rate = outer_rate(align, index, -1);
	}
	return line->ns + scale(ticks - line->from, line->rate);
}
