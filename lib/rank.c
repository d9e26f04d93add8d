/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact tests count the ways to choose which of the pooled values are "after": ways[k][s] is the
 * number of choices of k values whose doubled ranks sum to s. Doubled, as equal values share the
 * mean of their ranks, which may be a half.
 */
#include "lib/rank.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define EXACT_MAX 60

struct pooled {
	double value;
	bool after;
	unsigned doubled_rank;
};

static int compare_pooled(const void *left, const void *right)
{
	const struct pooled *a = left, *b = right;

	return (a->value > b->value) - (a->value < b->value);
}

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* The pooled values in order, with their ranks. The caller frees. */
static struct pooled *pool_values(struct rank_set before, struct rank_set after)
{
	size_t count = before.count + after.count;
	struct pooled *pool = calloc(count ? count : 1, sizeof(*pool));

	if (!pool)
		return NULL;
	for (size_t i = 0; i < before.count; i++)
		pool[i].value = before.values[i];
	for (size_t i = 0; i < after.count; i++)
		pool[before.count + i] = (struct pooled){after.values[i], true, 0};
	qsort(pool, count, sizeof(*pool), compare_pooled);
	for (size_t first = 0, next; first < count; first = next) {
		for (next = first; next < count && pool[next].value == pool[first].value;)
			next++;
		for (size_t i = first; i < next; i++)
			pool[i].doubled_rank = (unsigned)(first + next + 1);
	}
	return pool;
}

/*
 * The share of all choices of `chosen` ranks that sum to at least `least`. Sums of doubled ranks
 * are below (count + 1)^2.
 */
static double share_of_choices(const unsigned *ranks, size_t count, size_t chosen, unsigned least)
{
	size_t width = (count + 1) * (count + 1);
	double *ways = calloc((chosen + 1) * width, sizeof(*ways));
	double enough = 0, all = 0;

	if (!ways)
		return NAN;
	ways[0] = 1;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = chosen; k > 0; k--) {
			for (size_t sum = width; sum-- > ranks[i];)
				ways[k * width + sum] += ways[(k - 1) * width + sum - ranks[i]];
		}
	}
	for (size_t sum = 0; sum < width; sum++) {
		all += ways[chosen * width + sum];
		if (sum >= least)
			enough += ways[chosen * width + sum];
	}
	free(ways);
	return enough / all;
}

static double exact_larger(const struct pooled *pool, size_t count, size_t chosen)
{
	unsigned ranks[EXACT_MAX], observed = 0;

	for (size_t i = 0; i < count; i++) {
		ranks[i] = pool[i].doubled_rank;
		observed += pool[i].after ? ranks[i] : 0;
	}
	return share_of_choices(ranks, count, chosen, observed);
}

static double approximate_larger(const struct pooled *pool, size_t count, size_t chosen)
{
	double n = (double)count, m = (double)chosen, sum = 0, ties = 0, variance;

	for (size_t first = 0, next; first < count; first = next) {
		double same;

		for (next = first; next < count && pool[next].value == pool[first].value; next++)
			sum += pool[next].after ? pool[next].doubled_rank / 2.0 : 0;
		same = (double)(next - first);
		ties += same * same * same - same;
	}
	variance = m * (n - m) / 12 * (n + 1 - ties / (n * (n - 1)));
	if (variance <= 0)
		return 1;
	return erfc((sum - m * (n + 1) / 2 - 0.5) / sqrt(variance) / sqrt(2)) / 2;
}

double rank_larger(struct rank_set before, struct rank_set after)
{
	size_t count = before.count + after.count;
	struct pooled *pool;
	double chance;

	if (!before.count || !after.count)
		return NAN;
	pool = pool_values(before, after);
	if (!pool)
		return NAN;
	chance = count <= EXACT_MAX ? exact_larger(pool, count, after.count)
				    : approximate_larger(pool, count, after.count);
	free(pool);
	return chance;
}

/*
 * How many of the ordered ratios lie outside the interval on each side: the largest k whose tail
 * is at most 2.5 %. 0: not even the outermost pair is sure enough.
 */
static size_t tail_length(size_t before, size_t after)
{
	size_t count = before + after;
	double m = (double)before, n = (double)after, spread;
	unsigned ranks[EXACT_MAX];
	size_t k = 0;

	if (count > EXACT_MAX) {
		spread = 1.96 * sqrt(m * n * (m + n + 1) / 12);
		return (size_t)fmax(0, floor(m * n / 2 - spread));
	}
	for (size_t i = 0; i < count; i++)
		ranks[i] = (unsigned)(2 * (i + 1));
	for (; k < before * after; k++) {
		size_t most = after * before - k + after * (after + 1) / 2;

		if (share_of_choices(ranks, count, after, (unsigned)(2 * most)) > 0.025)
			break;
	}
	return k;
}

struct rank_ratio rank_ratio(struct rank_set before, struct rank_set after)
{
	struct rank_ratio result = {NAN, NAN, NAN};
	size_t count = before.count * after.count, tail;
	double *ratios = count ? malloc(count * sizeof(*ratios)) : NULL;

	if (!ratios)
		return result;
	for (size_t i = 0; i < count; i++)
		ratios[i] = after.values[i % after.count] / before.values[i / after.count];
	qsort(ratios, count, sizeof(*ratios), compare_doubles);
	result.ratio = (ratios[(count - 1) / 2] + ratios[count / 2]) / 2;
	tail = tail_length(before.count, after.count);
	if (tail) {
		result.low = ratios[tail - 1];
		result.high = ratios[count - tail];
	}
	free(ratios);
	return result;
}
