/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pass should find about a cache's worth of records: then the target writes chunks that are still
 * warm, and a pass costs little more than its records. It must come before half the free memory can
 * have filled at the highest rate that must not lose anything.
 */
#include "loader/capture/pace.h"

#define MS 1000000ull
#define WANTED_RECORDS 32768 /* 1 MiB */
#define RATE_MAX 10000000ull /* records a second */
#define SLEEP_LEAST (MS)
#define SLEEP_MOST (20 * MS)
#define SLEEP_IDLE (40 * MS)
#define CHUNKS_EARLY 256 /* given pages at once, while the target starts */
#define CHUNKS_A_STEP 64

void pace_start(struct pace *pace, uint64_t now_ns)
{
	pace->last_ns = now_ns;
	pace->sleep_ns = SLEEP_LEAST;
	pace->next_ns = now_ns;
}

static uint64_t lesser(uint64_t left, uint64_t right)
{
	return left < right ? left : right;
}

static uint64_t wanted_sleep(const struct pace *pace, uint64_t passed_ns, uint64_t records)
{
	uint64_t sleep_ns;

	if (!records)
		return lesser(pace->sleep_ns * 2, SLEEP_IDLE);
	sleep_ns = (uint64_t)((double)passed_ns * WANTED_RECORDS / (double)records);
	if (sleep_ns < SLEEP_LEAST)
		return SLEEP_LEAST;
	/* after a quiet time a few records at once: there may be more to come */
	return lesser(lesser(sleep_ns, pace->sleep_ns * 2), SLEEP_MOST);
}

/* More pages where they are needed, before they are: the target should not wait for one. */
static void grow(struct region *region, uint32_t in_use)
{
	if (region->filled < region->chunks &&
		(region->filled < CHUNKS_EARLY || in_use > region->filled / 2))
		region_fill(region, CHUNKS_A_STEP);
}

void pace_step(
	struct pace *pace, struct region *region, uint64_t now_ns, uint64_t records, bool hurry)
{
	uint64_t passed_ns = now_ns > pace->last_ns ? now_ns - pace->last_ns : 1;
	uint32_t free = region_free_chunks(region);
	uint64_t fill_ns = free * (RT_CHUNK_RECORDS * 1000000000ull / RATE_MAX);

	grow(region, region->chunks - free);
	pace->sleep_ns = hurry ? SLEEP_LEAST : wanted_sleep(pace, passed_ns, records);
	pace->last_ns = now_ns;
	pace->next_ns = now_ns + lesser(pace->sleep_ns, fill_ns / 2);
}

uint64_t pace_next(const struct pace *pace)
{
	return pace->next_ns;
}

void pace_kernel(struct pace *pace, struct region *region, uint64_t patience_ns)
{
	if (region_free_chunks(region) == region->chunks)
		pace->next_ns = pace->last_ns + pace->sleep_ns;
	pace->next_ns = lesser(pace->next_ns, pace->last_ns + patience_ns);
}
