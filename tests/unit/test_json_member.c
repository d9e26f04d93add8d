/* SPDX-License-Identifier: Apache-2.0 */
/* Members are found whole, wherever the text is cut. */
#include "protocols/content/json_member.h"
#include "tests/unit/unit.h"

static void check(const char *text, const char *name, const char *wanted)
{
	size_t size = 0;
	const char *value = json_member(text, strlen(text), name, &size);
	char found[128] = "none";

	if (value)
		snprintf(found, sizeof(found), "%.*s", (int)size, value);
	CHECK_STR(found, wanted);
}

TEST(members)
{
	static const char text[] =
		" { \"a\" : 1, \"b\":[{\"c\":\"]}\\\"\"}, 2] ,\"c\":\"x\\\\\", \"d\":null}";

	check(text, "a", "1");
	check(text, "b", "[{\"c\":\"]}\\\"\"}, 2]");
	check(text, "c", "\"x\\\\\"");
	check(text, "d", "null");
	check(text, "e", "none");
	check("[1]", "a", "none");
	check("", "a", "none");
	check("{", "a", "none");
	check("{}", "a", "none");
	check("{\"a\"", "a", "none");
	check("{\"a\":[1, {\"b\":\"c", "a", "[1, {\"b\":\"c");
	check("{\"a\":\"x\\", "a", "\"x\\");
	check("{\"x\":]}", "a", "none");
}

TEST(cut_anywhere)
{
	static const char text[] = "{\"a\":{\"b\":[\"\\\"\",{}]},\"m\":[1,{\"m\":2}]}";

	for (size_t size = 0; size < sizeof(text); size++) {
		char *copy = malloc(size + 1);
		size_t found = 0;
		const char *value;

		memcpy(copy, text, size);
		value = json_member(copy, size, "m", &found);
		CHECK(!value || (value >= copy && value + found <= copy + size));
		free(copy);
	}
}

UNIT_MAIN
