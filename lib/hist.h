/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mergeable histogram of durations: 32 buckets an octave, so that a percentile is off by at most
 * 1.6 % of its value. Grows with the range in use; a lone value costs one allocation.
 *
 * Stored form (a database blob): varints: first bucket, then for each bucket from there its count,
 * with a run of zero buckets as 0 and the run's length.
 */
#ifndef LIB_HIST_H
#define LIB_HIST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct hist {
	uint32_t *counts; /* of buckets first .. first + span - 1 */
	uint16_t first;
	uint16_t span;
	uint64_t total;
};

void hist_free(struct hist *hist);
void hist_add(struct hist *hist, uint64_t value);
void hist_merge(struct hist *into, const struct hist *from);

/* The value below which `percent` of all values lie: the middle of its bucket. 0 when empty. */
uint64_t hist_percentile(const struct hist *hist, double percent);

/* The bucket counts[index]: how many values, of which the largest possible is `*upper`. */
uint32_t hist_bucket(const struct hist *hist, unsigned index, uint64_t *upper);

void hist_pack(const struct hist *hist, struct buf *out);

/* 0, or -EINVAL for bytes that are no histogram. Adds to what is there. */
int hist_unpack(struct hist *hist, const void *bytes, size_t size);

#endif
