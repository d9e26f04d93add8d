/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much an operation matters, 0 to 100: its share of the critical paths, how often a unit calls
 * it, and how much its durations vary. And what it would bring to make it faster.
 */
#ifndef ANALYSIS_PATH_IMPACT_H
#define ANALYSIS_PATH_IMPACT_H

#include "analysis/path/replay.h"

/* So many calls a unit count as often. */
#define IMPACT_RATE_REFERENCE 10

/* From this share on frequency and variation count in full: of what nobody waits for they say
 * nothing. */
#define IMPACT_FULL_SHARE 0.05

/* 100 * (0.6 * share + 0.2 * min(1, share / 0.05) * (min(1, rate / 10) + min(1, variation))) */
double impact_score(double share, double rate, double variation);

enum priority { PRIORITY_LOW, PRIORITY_MEDIUM, PRIORITY_HIGH, PRIORITY_CRITICAL };
/* From 25, 50 and 75 on. */
enum priority impact_priority(double score);
const char *priority_name(enum priority priority);
/* When to do it. */
const char *priority_timeline(enum priority priority);

struct impact {
	uint32_t operation; /* in graph.operations */
	int64_t path_ns;
	double share, rate, variation, score;
	/* what units take, now and if the operation took so much less */
	struct {
		unsigned percent;
		int64_t p50_ns, p95_ns, saving_ns;
	} what_if[4];
};

struct impacts {
	struct impact *list; /* the largest part of the paths first */
	uint32_t count;
	int64_t p50_ns, p95_ns; /* of units as they are */
};

/* The operations that a user can work on: those with a name. Up to `limit` are replayed. 0 or
 * -ENOMEM. */
int impacts_find(
	const struct units *units, struct replay *replay, uint32_t limit, struct impacts *impacts);
void impacts_free(struct impacts *impacts);

#endif
