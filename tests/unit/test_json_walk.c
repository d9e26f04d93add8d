/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in pieces: values, paths, bounds, gaps. */
#include "tests/unit/unit.h"

#include "lib/buf.h"
#include "protocols/content/json_walk.h"

static void put_value(void *context, const struct dialect_value *value)
{
	struct buf *out = context;

	buf_printf(out, "%s@%u=", value->path, value->index);
	switch (value->type) {
	case VALUE_STRING:
		buf_printf(out, "'%.*s'/%llu", (int)(value->size < 20 ? value->size : 20),
			value->text, (unsigned long long)value->whole);
		break;
	case VALUE_INT:
		buf_printf(out, "%lld", (long long)value->number);
		break;
	case VALUE_DOUBLE:
		buf_printf(out, "%g", value->real);
		break;
	case VALUE_BOOL:
		buf_puts(out, value->number ? "yes" : "no");
		break;
	case VALUE_NULL:
		buf_puts(out, "null");
		break;
	case VALUE_OPEN:
		buf_puts(out, "<");
		break;
	case VALUE_CLOSE:
		buf_puts(out, ">");
		break;
	}
	buf_puts(out, " ");
}

static struct json_walk walk;

static const char *walked(struct buf *out, const char *text, size_t size, size_t piece)
{
	buf_clear(out);
	json_walk_init(&walk, put_value, out);
	for (size_t at = 0; at < size; at += piece)
		json_walk_feed(&walk, text + at, piece < size - at ? piece : size - at);
	json_walk_end(&walk);
	return buf_string(out);
}

TEST(values_and_paths_in_any_pieces)
{
	static const char text[] =
		" {\"model\":\"gpt\", \"n\":[1,-2.5,{\"x\":true}], \"e\":{},"
		"\"a\":[], \"s\":\"q\\\"\\u00e9\\n\", \"z\":null , \"d\":{\"k\":12}}";
	struct buf out = {0};

	for (size_t piece = 1; piece < sizeof(text); piece++) {
		CHECK_STR(walked(&out, text, sizeof(text) - 1, piece),
			"@0=< model@0='gpt'/3 n@0=< n[]@0=1 n[]@1=-2.5 n[]@2=< n[].x@2=yes "
			"n[]@2=> n@0=> e@0=< e@0=> a@0=< a@0=> s@0='q\"\xc3\xa9\n'/5 z@0=null "
			"d@0=< d.k@0=12 d@0=> @0=> ");
		CHECK(json_walk_done(&walk));
	}
	buf_free(&out);
}

TEST(long_strings_are_measured)
{
	static char text[300000];
	struct buf out = {0};

	memset(text, 'a', sizeof(text));
	text[0] = text[sizeof(text) - 1] = '"';
	CHECK_STR(walked(&out, text, sizeof(text), 777), "@0='aaaaaaaaaaaaaaaaaaaa'/299998 ");
	buf_free(&out);
}

static void check_number(void *context, const struct dialect_value *value)
{
	const char *text = context;
	char *end;

	CHECK(value->real == strtod(text, &end));
	CHECK_EQ(value->type, strpbrk(text, ".eE") ? VALUE_DOUBLE : VALUE_INT);
	if (value->type == VALUE_INT)
		CHECK_EQ(value->number, strtoll(text, &end, 10));
}

TEST(numbers_are_rounded_like_those_of_the_library)
{
	static const char *const numbers[] = {"0", "-1", "15", "999999999999999", "0.1",
		"-0.0123456789", "123456789.12345", "0.00000000000001", "-0.0123456789012345678",
		"1e3", "1.5E-7", "9223372036854775807", "-7.25", "3.141592653589793", "0.30000000"};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		json_walk_init(&walk, check_number, (void *)numbers[i]);
		json_walk_feed(&walk, numbers[i], strlen(numbers[i]));
		json_walk_end(&walk);
		CHECK(json_walk_done(&walk));
	}
}

TEST(another_text_may_follow)
{
	struct buf out = {0};

	CHECK_STR(walked(&out, "{\"a\":1}\n{\"b\":2}", 15, 4), "@0=< a@0=1 @0=> @0=< b@0=2 @0=> ");
	buf_free(&out);
}

TEST(what_is_no_json_is_refused)
{
	static const char *const wrong[] = {"{1}", "[1 2]", "{\"a\" 1}", "[}", "{\"a\":]", "nul",
		"\"\\x\"", "[1]]", "{\"a\":tru}", "]", ","};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		walked(&out, wrong[i], strlen(wrong[i]), 3);
		CHECK(!json_walk_done(&walk));
	}
	buf_free(&out);
}

TEST(depth_and_paths_have_bounds)
{
	char text[4096];
	struct buf out = {0};

	memset(text, '[', sizeof(text));
	walked(&out, text, sizeof(text), 100);
	CHECK(!json_walk_done(&walk));
	memset(text, 'k', sizeof(text));
	memcpy(text, "{\"", 2);
	memcpy(text + 1000, "\":1,\"b\":2}", 10);
	CHECK_STR(walked(&out, text, 1010, 64), "@0=< b@0=2 @0=> ");
	CHECK(json_walk_done(&walk));
	buf_free(&out);
}

TEST(after_a_gap_the_closing_record_is_read)
{
	static const char head[] = "{\"data\":[{\"embedding\":[0.1,0.2";
	static const char tail[] = "31,0.5],\"index\":1}],\"model\":\"m\",\"usage\":"
				   "{\"prompt_tokens\":8,\"total_tokens\":8}}";
	struct buf out = {0};

	for (size_t piece = 1; piece < 40; piece++) {
		json_walk_init(&walk, put_value, &out);
		json_walk_feed(&walk, head, sizeof(head) - 1);
		json_walk_gap(&walk);
		buf_clear(&out);
		for (size_t at = 0; at < sizeof(tail) - 1; at += piece)
			json_walk_feed(&walk, tail + at,
				piece < sizeof(tail) - 1 - at ? piece : sizeof(tail) - 1 - at);
		CHECK(strstr(buf_string(&out), "model@0='m'/1 "));
		CHECK(strstr(buf_string(&out), "usage.prompt_tokens@0=8 usage.total_tokens@0=8 "));
	}
	buf_free(&out);
}

UNIT_MAIN
