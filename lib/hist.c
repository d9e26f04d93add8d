/* SPDX-License-Identifier: Apache-2.0 */
/* A mergeable logarithmic histogram. Counts saturate instead of wrapping. */
#include "lib/hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cursor.h"
#include "lib/varint.h"

#define SUB_BITS 5
#define SUB (1u << SUB_BITS)
#define BUCKETS ((64 - SUB_BITS + 1) * SUB)

static unsigned bucket_of(uint64_t value)
{
	unsigned top;

	if (value < SUB)
		return (unsigned)value;
	top = 63 - (unsigned)__builtin_clzll(value);
	return (top - SUB_BITS + 1) * SUB + (unsigned)(value >> (top - SUB_BITS) & (SUB - 1));
}

static uint64_t middle_of(unsigned bucket)
{
	unsigned octave = bucket / SUB;
	uint64_t low;

	if (octave == 0)
		return bucket;
	low = (uint64_t)(SUB + bucket % SUB) << (octave - 1);
	return low + (((uint64_t)1 << (octave - 1)) >> 1);
}

void hist_free(struct hist *hist)
{
	free(hist->counts);
	*hist = (struct hist){0};
}

/* Widens the range to hold `bucket`, with slack towards it. */
static int widen(struct hist *hist, unsigned bucket)
{
	unsigned low = hist->span ? hist->first : bucket;
	unsigned high = hist->span ? hist->first + hist->span : bucket + 1u;
	uint32_t *counts;

	if (bucket < low)
		low = bucket > SUB / 2 ? bucket - SUB / 2 : 0;
	if (bucket >= high)
		high = bucket + 1 + SUB / 2 < BUCKETS ? bucket + 1 + SUB / 2 : BUCKETS;
	counts = calloc(high - low, sizeof(*counts));
	if (!counts)
		return -1;
	if (hist->span)
		memcpy(counts + (hist->first - low), hist->counts, hist->span * sizeof(*counts));
	free(hist->counts);
	hist->counts = counts;
	hist->first = (uint16_t)low;
	hist->span = (uint16_t)(high - low);
	return 0;
}

static void add_to_bucket(struct hist *hist, unsigned bucket, uint64_t count)
{
	uint32_t *place;

	if ((bucket < hist->first || bucket >= hist->first + (unsigned)hist->span) &&
		widen(hist, bucket))
		return;
	place = &hist->counts[bucket - hist->first];
	*place = count > UINT32_MAX - *place ? UINT32_MAX : *place + (uint32_t)count;
	hist->total += count;
}

void hist_add(struct hist *hist, uint64_t value)
{
	add_to_bucket(hist, bucket_of(value), 1);
}

void hist_merge(struct hist *into, const struct hist *from)
{
	for (unsigned i = 0; i < from->span; i++) {
		if (from->counts[i])
			add_to_bucket(into, from->first + i, from->counts[i]);
	}
}

uint64_t hist_percentile(const struct hist *hist, double percent)
{
	uint64_t rank = (uint64_t)(percent / 100.0 * (double)hist->total);
	uint64_t seen = 0;

	if (rank >= hist->total && hist->total)
		rank = hist->total - 1;
	for (unsigned i = 0; i < hist->span; i++) {
		seen += hist->counts[i];
		if (seen > rank)
			return middle_of(hist->first + i);
	}
	return 0;
}

uint32_t hist_bucket(const struct hist *hist, unsigned index, uint64_t *upper)
{
	unsigned bucket = hist->first + index, octave = bucket / SUB;

	*upper = octave == 0 ? bucket : ((uint64_t)(SUB + bucket % SUB + 1) << (octave - 1)) - 1;
	return hist->counts[index];
}

void hist_pack(const struct hist *hist, struct buf *out)
{
	uint8_t *start = buf_reserve(out, ((size_t)hist->span + 2) * VARINT_MAX);
	uint8_t *at = start;
	unsigned zeros = 0, lowest = 0;

	while (lowest < hist->span && !hist->counts[lowest])
		lowest++;
	if (!at || lowest == hist->span)
		return;
	/* equal counts give equal bytes, whatever the room around them */
	at = varint_put(at, hist->first + lowest);
	for (unsigned i = lowest; i < hist->span; i++) {
		if (!hist->counts[i]) {
			zeros++;
			continue;
		}
		if (zeros) {
			*at++ = 0;
			at = varint_put(at, zeros);
			zeros = 0;
		}
		at = varint_put(at, hist->counts[i]);
	}
	out->size += (size_t)(at - start);
}

int hist_unpack(struct hist *hist, const void *bytes, size_t size)
{
	struct cursor cursor = cursor_over(bytes, size);
	uint64_t bucket;

	if (!size)
		return 0;
	bucket = cursor_varint(&cursor);
	while (cursor_left(&cursor) && bucket < BUCKETS) {
		uint64_t count = cursor_varint(&cursor);

		if (!count) {
			bucket += cursor_varint(&cursor) % (BUCKETS + 1);
			continue;
		}
		add_to_bucket(hist, (unsigned)bucket++, count);
	}
	return cursor.bad || cursor_left(&cursor) ? -EINVAL : 0;
}
