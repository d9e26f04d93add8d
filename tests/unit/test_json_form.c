/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer's form is, wherever its text is cut. */
#include "protocols/content/json_form.h"
#include "tests/unit/unit.h"

static void check(const char *text, const char *wanted)
{
	size_t size = strlen(text);

	for (size_t cut = 0; cut <= size; cut++) {
		struct json_form form = {0};
		const char *name;

		json_form_feed(&form, text, cut);
		json_form_feed(&form, text + cut, size - cut);
		name = json_form_name(&form);
		CHECK_STR(name ? name : "none", wanted);
	}
}

TEST(forms)
{
	check("", "none");
	check(" \n", "none");
	check("{}", "json");
	check(" [1, -2.5e+3, true, null, \"a\\\"]\"] \n", "json");
	check("{\"a\": {\"b\": [{}, []]}, \"c\": \"\\u00e9\"}", "json");
	check("```json\n{\"a\": 1}\n```\n", "json");
	check("{\"a\": 1", "broken");
	check("{\"a\": 1,}", "broken");
	check("[1,]", "broken");
	check("[1}", "broken");
	check("{a: 1}", "broken");
	check("{'a': 1}", "broken");
	check("{\"a\": None}", "broken");
	check("{\"a\": \"line\nbreak\"}", "broken");
	check("{} and more", "broken");
	check("```json\n{\"a\": 1\n```", "broken");
	check("```python\nprint(1)\n```", "broken");
	check("Sure! {\"a\": 1}", "text");
	check("42", "text");
}

TEST(depth)
{
	struct json_form form = {0};

	for (int i = 0; i < JSON_FORM_DEPTH; i++)
		json_form_feed(&form, "[", 1);
	for (int i = 0; i < JSON_FORM_DEPTH; i++)
		json_form_feed(&form, "]", 1);
	CHECK_STR(json_form_name(&form), "json");
	form = (struct json_form){0};
	for (int i = 0; i <= JSON_FORM_DEPTH; i++)
		json_form_feed(&form, "[", 1);
	CHECK_STR(json_form_name(&form), "broken");
}

UNIT_MAIN
