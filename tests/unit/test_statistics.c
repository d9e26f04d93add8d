/* SPDX-License-Identifier: Apache-2.0 */
/* What a few measurements say, alone and against others; against published tables. */
#include "tests/unit/unit.h"

#include <math.h>

#include "lib/rank.h"
#include "lib/sample.h"

#define CHECK_NEAR(value, wanted, within) CHECK(fabs((value) - (wanted)) <= (within))
#define SET(array) ((struct rank_set){array, sizeof(array) / sizeof(*array)})

TEST(sample_of_five)
{
	const double values[] = {2, 4, 4, 5, 10};
	struct sample sample = sample_of(values, 5);

	CHECK_NEAR(sample.mean, 5, 1e-12);
	CHECK_NEAR(sample.median, 4, 1e-12);
	CHECK_NEAR(sample.stdev, 3, 1e-12);
	CHECK(sample.min == 2 && sample.max == 10);
	CHECK_NEAR(sample_mean_bound(values, 5), 5 + 2.132 * 3 / sqrt(5), 1e-9);
}

TEST(sample_says_what_it_cannot_say)
{
	const double one[] = {7};

	CHECK(isnan(sample_of(one, 0).mean));
	CHECK(isnan(sample_of(one, 1).stdev));
	CHECK(isnan(sample_mean_bound(one, 1)));
	CHECK(sample_of(one, 1).median == 7);
}

/* 1 way in 252, 35 in 3432 are the smallest chances there are. */
TEST(rank_of_sets_apart)
{
	const double low[] = {1, 2, 3, 4, 5, 6, 7}, high[] = {11, 12, 13, 14, 15, 16, 17};
	struct rank_set five = {low, 5}, other_five = {high, 5};

	CHECK_NEAR(rank_larger(five, other_five), 1 / 252., 1e-12);
	CHECK_NEAR(rank_larger(other_five, five), 1, 1e-12);
	CHECK_NEAR(rank_larger(SET(low), SET(high)), 1 / 3432., 1e-12);
}

/* 7 of the 70 choices of four ranks of 1 3 3 3 5.5 5.5 7 8 sum to 23.5 or more. */
TEST(rank_with_equal_values)
{
	const double before[] = {1, 2, 2, 3}, after[] = {2, 3, 4, 5}, same[] = {6, 6, 6, 6};

	CHECK_NEAR(rank_larger(SET(before), SET(after)), 7 / 70., 1e-12);
	CHECK_NEAR(rank_larger(SET(same), SET(same)), 1, 1e-12);
}

TEST(rank_of_many_is_near_the_exact_chance)
{
	double before[40], after[40];
	double exact, approximate;

	for (int i = 0; i < 40; i++) {
		before[i] = i;
		after[i] = i + 6.5;
	}
	exact = rank_larger((struct rank_set){before, 30}, (struct rank_set){after, 30});
	approximate = rank_larger((struct rank_set){before, 31}, (struct rank_set){after, 31});
	CHECK(exact < 0.05 && approximate < 0.05);
	CHECK_NEAR(exact, approximate, 0.005);
}

TEST(ratio_and_its_interval)
{
	const double before[] = {10, 11, 12, 13, 14}, after[] = {20, 22, 24, 26, 28};
	struct rank_ratio ratio = rank_ratio(SET(before), SET(after));
	struct rank_set two = {before, 2};

	CHECK_NEAR(ratio.ratio, 2, 1e-9);
	CHECK(ratio.low > 1.4 && ratio.low < 2 && ratio.high > 2 && ratio.high < 2.8);
	CHECK(isnan(rank_ratio(two, two).low));
}

UNIT_MAIN
