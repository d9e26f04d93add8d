/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/clock_align.h"
#include "tests/unit/unit.h"

#define RATE 2100000000ull

static uint64_t ticks_of(uint64_t ns)
{
	return (uint64_t)((unsigned __int128)ns * RATE / 1000000000);
}

TEST(without_points)
{
	struct clock_align align;

	clock_align_init(&align, RATE);
	CHECK_EQ(clock_align_ns(&align, RATE * 3), 2999999999); /* rounded down */
	clock_align_init(&align, 0);
	CHECK_EQ(clock_align_ns(&align, 12345), 12345);
	clock_align_free(&align);
}

TEST(one_point)
{
	struct clock_align align;

	clock_align_init(&align, 1000000000);
	CHECK_EQ(clock_align_add(&align, 1000, 5000, 9000), 0);
	CHECK_EQ(clock_align_ns(&align, 1000), 5000);
	CHECK_EQ(clock_align_ns(&align, 1500), 5500);
	CHECK_EQ(clock_align_ns(&align, 400), 4400);
	CHECK_EQ(clock_align_ns(&align, 0), 4000);
	CHECK_EQ(align.epoch_ns, 4000);
	clock_align_free(&align);
}

/* A clock whose speed wanders by 50 ppm, read with jitter: off by no more than the jitter. */
TEST(follows_and_never_runs_backwards)
{
	struct clock_align align;
	uint64_t last = 0, worst = 0, ticks = 1000000, ns = 777;
	uint64_t at[1000], truth[1000];

	clock_align_init(&align, RATE);
	for (int i = 0; i < 1000; i++) {
		at[i] = ticks;
		truth[i] = ns;
		clock_align_add(&align, ticks, ns + (i * 37) % 60, ns);
		ns += 1000000;
		ticks += ticks_of(1000000) + (uint64_t)(i % 200 - 100);
	}
	for (int i = 0; i + 1 < 1000; i++) {
		for (unsigned part = 0; part < 16; part++) {
			uint64_t tick = at[i] + (at[i + 1] - at[i]) * part / 16;
			uint64_t want = truth[i] + (truth[i + 1] - truth[i]) * part / 16;
			uint64_t got = clock_align_ns(&align, tick);
			uint64_t off = got > want ? got - want : want - got;

			CHECK(got >= last);
			last = got;
			worst = off > worst ? off : worst;
		}
	}
	CHECK(worst <= 61);
	/* In any order as well. */
	for (unsigned i = 0; i < 1000; i++) {
		unsigned pick = i * 7919 % 1000;
		uint64_t got = clock_align_ns(&align, at[pick]);

		CHECK(got - truth[pick] <= 60);
	}
	CHECK(clock_align_ns(&align, at[999] + RATE) - truth[999] > 999900000);
	CHECK(clock_align_ns(&align, at[999] + RATE) - truth[999] < 1000100000);
	CHECK_EQ(align.refused, 0);
	clock_align_free(&align);
}

TEST(steps_and_contradictions)
{
	struct clock_align align;

	clock_align_init(&align, 1000000000);
	clock_align_add(&align, 1000000, 1000000, 5000000);
	clock_align_add(&align, 1000000, 1000000, 5000000); /* repeated by the next Batch */
	CHECK_EQ(align.count, 1);
	clock_align_add(&align, 2000000, 2000000, 3606000000); /* realtime was set */
	clock_align_add(&align, 3000000, 3000000, 3607000000);
	CHECK_EQ(align.steps, 1);
	CHECK_EQ(align.epoch_ns, 4000000);
	clock_align_add(&align, 2500000, 4000000, 3608000000); /* ticks ran backwards */
	clock_align_add(&align, 4000000, 2500000, 3608000000); /* monotonic did */
	CHECK_EQ(align.refused, 2);
	/* Suspended: the ticks ran on, monotonic time stood still. */
	clock_align_add(&align, 903000000, 3000000, 4507000000);
	clock_align_add(&align, 904000000, 4000000, 4508000000);
	CHECK_EQ(clock_align_ns(&align, 500000000), 3000000);
	CHECK_EQ(clock_align_ns(&align, 903500000), 3500000);
	CHECK_EQ(clock_align_ns(&align, 1500000), 1500000);
	CHECK_EQ(clock_align_length(&align, 1500000, 1000), 1000);
	clock_align_free(&align);
}

TEST(bounded_memory)
{
	struct clock_align align;

	clock_align_init(&align, 1000000000);
	for (uint64_t i = 1; i <= 300000; i++)
		CHECK_EQ(clock_align_add(&align, i * 1000, i * 1000, i * 1000), 0);
	CHECK(align.count <= 65536);
	CHECK_EQ(clock_align_ns(&align, 1000), 1000);
	CHECK_EQ(clock_align_ns(&align, 150000500), 150000500);
	CHECK_EQ(clock_align_ns(&align, 300000000), 300000000);
	clock_align_free(&align);
}

UNIT_MAIN
