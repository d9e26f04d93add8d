/* SPDX-License-Identifier: Apache-2.0 */
/* Figures as text, and tables of them. */
#include "tests/unit/unit.h"

#include "lib/table.h"
#include "lib/units.h"

TEST(durations_keep_three_digits)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {{0, "0 ns"}, {999, "999 ns"}, {1000, "1.00 us"}, {9994, "9.99 us"},
		{9996, "10.0 us"}, {145000, "145 us"}, {999499, "999 us"}, {999500, "1.00 ms"},
		{1200000000, "1.20 s"}, {599000000000, "599 s"}, {600000000000, "10m00s"},
		{7384000000000, "2h03m"}};
	char space[UNITS_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_STR(units_duration(space, cases[i].ns), cases[i].text);
}

TEST(counts_bytes_times)
{
	char space[UNITS_SIZE];

	CHECK_STR(units_count(space, 0), "0");
	CHECK_STR(units_count(space, 999), "999");
	CHECK_STR(units_count(space, 8412), "8,412");
	CHECK_STR(units_count(space, -1234567), "-1,234,567");
	CHECK_STR(units_bytes(space, 1023), "1023 B");
	CHECK_STR(units_bytes(space, 1024), "1.00 KiB");
	CHECK_STR(units_bytes(space, 1048575), "1.00 MiB");
	CHECK_STR(units_share(space, 1000), "100.0 %");
	CHECK_STR(units_time(space, 1763743486123456789), "2025-11-21 16:44:46.123 UTC");
}

TEST(durations_are_parsed)
{
	int64_t ns = 0;

	CHECK_EQ(units_parse_duration("1.5ms", 1, &ns), 0);
	CHECK_EQ(ns, 1500000);
	CHECK_EQ(units_parse_duration("2", 1000000000, &ns), 0);
	CHECK_EQ(ns, 2000000000);
	CHECK(units_parse_duration("fast", 1, &ns) < 0);
	CHECK(units_parse_duration("3 parsecs", 1, &ns) < 0);
	CHECK(units_parse_duration("-1s", 1, &ns) < 0);
	CHECK(units_parse_duration("1e300s", 1, &ns) < 0);
}

static const struct table_column columns[] = {
	{"name", "name", TABLE_TEXT},
	{"time_ns", "time", TABLE_DURATION},
	{"hidden", NULL, TABLE_COUNT},
	{0},
};

TEST(table_sorts_limits_and_says_more)
{
	struct table *table = table_new(columns);
	struct buf out = {0};
	struct json json = {.out = &out};

	table_row(table);
	table_set_text(table, 0, "small");
	table_set(table, 1, 10);
	table_row(table);
	table_set_text(table, 0, "unknown");
	table_row(table);
	table_set_text(table, 0, "/a/very/long/path/that/does/not/fit.py");
	table_set(table, 1, 2000);
	table_set(table, 2, 7);
	table_sort(table, 1);
	table_limit(table, 2);
	table_text(table, 0, 27, &out);
	CHECK_STR(buf_string(&out),
		"name                   time\n"
		".../not/fit.py      2.00 us\n"
		"small                 10 ns\n"
		"1 more\n");
	buf_clear(&out);
	table_json(table, &json);
	CHECK_STR(buf_string(&out),
		"[{\"name\":\"/a/very/long/path/that/does/not/fit.py\",\"time_ns\":2000,\"hidden\":7},"
		"{\"name\":\"small\",\"time_ns\":10,\"hidden\":null},"
		"{\"name\":\"unknown\",\"time_ns\":null,\"hidden\":null}]");
	buf_free(&out);
	table_free(table);
}

static const char *shortened(const char *text, size_t width)
{
	static struct buf out;

	buf_clear(&out);
	table_put_text(&out, text, width);
	return buf_string(&out);
}

TEST(long_names_are_shortened)
{
	CHECK_STR(shortened("/usr/lib/short.so", 17), "/usr/lib/short.so");
	CHECK_STR(shortened("/usr/lib/short.so", 16), ".../lib/short.so");
	CHECK_STR(shortened("/opt/a-rather-long-name.cpython-311.so", 24),
		"...a-rather-lon...311.so");
	CHECK_STR(shortened("a_function_with_a_long_name", 15), "a_functi...name");
	CHECK_STR(shortened("faiss::IndexFlat::search(long, float const*)", 30),
		"faiss::IndexFlat::search");
	CHECK_STR(shortened("faiss::IndexFlat::search(long, float const*)", 20),
		"...IndexFlat::search");
	CHECK_STR(shortened("faiss::IndexFlat::search(long, float const*)", 12), "...search");
}

TEST(columns_without_news_are_left_out)
{
	struct table *table = table_new(columns);
	struct buf out = {0};

	table_row(table);
	table_set_text(table, 0, "idle");
	table_set(table, 1, 0);
	table_text(table, 1, 80, &out);
	CHECK_STR(buf_string(&out), " name\n idle\n");
	buf_free(&out);
	table_free(table);
}

TEST(text_for_a_terminal_is_harmless)
{
	struct buf out = {0};

	table_put_text(&out, "a\033[31mb\xff\xc2\x9b", 100);
	CHECK_STR(buf_string(&out), "a?[31mb??");
	CHECK_EQ(table_text_width("\xc3\xa9t\xc3\xa9"), 3);
	buf_free(&out);
}

UNIT_MAIN
