/* SPDX-License-Identifier: Apache-2.0 */
/* The leaf helpers: buffers, cursors, varints, maps, interned strings, histograms. */
#include "tests/unit/unit.h"

#include "lib/buf.h"
#include "lib/cursor.h"
#include "lib/hist.h"
#include "lib/map.h"
#include "lib/strtab.h"
#include "lib/varint.h"

TEST(buf_grows_and_terminates)
{
	struct buf buf = {0};

	for (int i = 0; i < 1000; i++)
		buf_printf(&buf, "%d,", i % 10);
	CHECK_EQ(buf.size, 2000);
	CHECK_EQ(strlen(buf_string(&buf)), 2000);
	buf_free(&buf);
}

TEST(varint_round_trip)
{
	uint8_t bytes[VARINT_MAX];

	for (int bit = 0; bit < 64; bit++) {
		for (int delta = -1; delta <= 1; delta++) {
			uint64_t value = ((uint64_t)1 << bit) + (uint64_t)delta;
			struct cursor cursor =
				cursor_over(bytes, (size_t)(varint_put(bytes, value) - bytes));

			CHECK(cursor_varint(&cursor) == value);
			CHECK(!cursor.bad && !cursor_left(&cursor));
			CHECK(unzigzag(zigzag((int64_t)value)) == (int64_t)value);
		}
	}
}

TEST(cursor_refuses_to_overrun)
{
	const uint8_t endless[] = {0x80, 0x80, 0x80};
	struct cursor cursor = cursor_over(endless, sizeof(endless));

	CHECK_EQ(cursor_varint(&cursor), 0);
	CHECK(cursor.bad);
	cursor = cursor_over(endless, sizeof(endless));
	CHECK_EQ(cursor_le64(&cursor), 0);
	CHECK(cursor.bad);
}

TEST(map_survives_removal)
{
	struct map map = {0};
	uint64_t seed = 1;

	for (uint64_t i = 0; i < 5000; i++)
		*map_at(&map, i * 64) = i;
	for (uint64_t i = 0; i < 5000; i += 2)
		map_remove(&map, i * 64);
	for (uint64_t i = 0; i < 5000; i++) {
		uint64_t *value = map_find(&map, i * 64);

		CHECK(i % 2 ? value && *value == i : !value);
	}
	for (int i = 0; i < 20000; i++) {
		seed = seed * 6364136223846793005ull + 1;
		if (seed >> 63)
			map_remove(&map, (seed >> 40) % 500);
		else if (*map_at(&map, (seed >> 40) % 500) > 5000)
			CHECK(0);
	}
	map_free(&map);
}

TEST(strtab_interns)
{
	struct strtab *table = strtab_new();
	char name[32];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 3000; i++) {
			snprintf(name, sizeof(name), "name %d", i);
			CHECK_EQ(strtab_adds(table, name), i + 1);
		}
	}
	CHECK_STR(strtab_get(table, 2000), "name 1999");
	CHECK_STR(strtab_get(table, 99999), "");
	CHECK_EQ(strtab_add(table, "", 0), 0);
	strtab_clear(table);
	CHECK_EQ(strtab_count(table), 1);
	strtab_free(table);
}

TEST(hist_percentiles_and_packing)
{
	struct hist hist = {0}, copy = {0};
	struct buf buf = {0};

	for (uint64_t i = 1; i <= 100000; i++)
		hist_add(&hist, i * 10);
	for (double percent = 1; percent < 100; percent += 7) {
		double found = (double)hist_percentile(&hist, percent);

		CHECK(found > percent * 10000 * 0.98 && found < percent * 10000 * 1.02);
	}
	hist_add(&hist, 0);
	hist_add(&hist, UINT64_MAX);
	hist_pack(&hist, &buf);
	CHECK_EQ(hist_unpack(&copy, buf.data, buf.size), 0);
	CHECK_EQ(copy.total, hist.total);
	for (double percent = 0; percent <= 100; percent += 5)
		CHECK_EQ(hist_percentile(&copy, percent), hist_percentile(&hist, percent));
	CHECK(hist_unpack(&copy, "\x80", 1) < 0);
	for (unsigned i = 0; i < hist.span; i++) {
		struct hist one = {0};
		uint64_t upper;
		uint32_t count = hist_bucket(&hist, i, &upper);

		hist_add(&one, upper); /* a bucket's upper end lies in it, and the next value not */
		hist_add(&one, upper == UINT64_MAX ? upper : upper + 1);
		CHECK_EQ(count, hist.counts[i]);
		CHECK(upper == UINT64_MAX || one.counts[hist.first + i - one.first] == 1);
		hist_free(&one);
	}
	buf_free(&buf);
	hist_free(&hist);
	hist_free(&copy);
}

UNIT_MAIN
