/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sets of measurements compared by the order of their values (Mann and Whitney), which asks
 * nothing of how they are distributed.
 */
#ifndef LIB_RANK_H
#define LIB_RANK_H

#include <stddef.h>

struct rank_set {
	const double *values;
	size_t count;
};

/*
 * The chance of ranks like these, or more so, if `after` were no larger than `before`. Exact,
 * equal values included, up to 60 of both together; beyond that the normal approximation. NAN
 * where a set is empty or memory is out.
 */
double rank_larger(struct rank_set before, struct rank_set after);

/*
 * How many times as large: the median of all ratios after/before (Hodges and Lehmann), and the
 * interval that holds the true one in 95 % of cases. NAN bounds: too few values to say.
 */
struct rank_ratio {
	double ratio, low, high;
};
struct rank_ratio rank_ratio(struct rank_set before, struct rank_set after);

#endif
