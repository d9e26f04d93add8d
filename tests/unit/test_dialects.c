/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every conversation of tests/unit/dialects gives the facts that stand beneath it: whole, in pieces
 * of every size, and cut off anywhere; and never what is marked PLANTED in it. With REGOLD=1 the
 * facts are written anew: read the difference.
 */
#include <dirent.h>

#include "tests/unit/http_case.h"
#include "tests/unit/unit.h"

static const char *const classes[] = {"none", "query_classification", "retrieval",
	"embedding_generation", "vector_search", "reranking", "llm_generation", "cache_lookup",
	"database_query", "api_call", "tool_call", "model_load", "post_process"};

struct found {
	struct buf text;
	unsigned exchanges;
	bool failed, answered, leaked;
};

static void put_found_fact(
	struct buf *out, const struct exchange *exchange, const struct exchange_fact *fact)
{
	/* true of every request, and tested with the protocol */
	if (!strncmp(fact->key, "http.", 5) || !strcmp(fact->key, "url.template") ||
		!strcmp(fact->key, "server.address"))
		return;
	switch (fact->type) {
	case FACT_TEXT:
		buf_printf(out, "%s=%s\n", fact->key, exchange->text + fact->text);
		break;
	case FACT_INT:
		buf_printf(out, "%s=%lld\n", fact->key, (long long)fact->number);
		break;
	case FACT_DOUBLE:
		buf_printf(out, "%s=%g\n", fact->key, fact->real);
		break;
	case FACT_BOOL:
		buf_printf(out, "%s=%s\n", fact->key, fact->truth ? "true" : "false");
		break;
	case FACT_HASH:
		buf_printf(out, "%s\n", fact->key);
		break;
	}
}

static void take_exchange(void *context, const struct exchange *exchange)
{
	struct found *found = context;

	buf_printf(&found->text, "%s: %s%s\n", classes[exchange->class], exchange->name,
		exchange->failed ? " FAILED" : "");
	for (uint32_t i = 0; i < exchange->fact_count; i++)
		put_found_fact(&found->text, exchange, &exchange->facts[i]);
	if (exchange->tokens.frames)
		buf_printf(&found->text, "%llu tokens from %s\n",
			(unsigned long long)exchange->tokens.frames, exchange->tokens.first_kind);
	found->exchanges++;
	found->failed = exchange->failed;
	found->answered = exchange->answered;
	found->leaked |= memmem(exchange->text, exchange->text_used, "PLANTED", 7) ||
		strstr(exchange->name, "PLANTED");
}

static uint64_t hash_bytes(void *context, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t hash = 14695981039346656037ull;

	(void)context;
	while (size--)
		hash = (hash ^ *at++) * 1099511628211ull;
	return hash;
}

static const char *find_in(
	const struct http_case *one, struct found *found, size_t piece, size_t until)
{
	struct exchange_host host = {.context = found, .done = take_exchange, .hash = hash_bytes};

	buf_clear(&found->text);
	found->exchanges = 0;
	case_feed(one, &host, piece, until);
	CHECK_EQ(found->exchanges, 1);
	CHECK(!found->leaked);
	return buf_string(&found->text);
}

static char *read_text(const char *path)
{
	char *text = calloc(1, 1 << 18);
	FILE *file = fopen(path, "rb");
	size_t size = file ? fread(text, 1, (1 << 18) - 1, file) : 0;

	if (file)
		fclose(file);
	CHECK(size);
	return text;
}

static void regold(const char *path, const char *facts)
{
	char *text = read_text(path);
	char *end = strstr(strstr(text, "\n===\n") + 1, "\n===\n");
	FILE *file = fopen(path, "wb");

	if (file && end) {
		fwrite(text, 1, (size_t)(end - text) + 5, file);
		fputs(facts, file);
		fclose(file);
	}
	free(text);
}

typedef void case_fn(const char *name, const struct http_case *one, struct found *found);

/* Every conversation; a failure names it. */
static void each_case(case_fn *run)
{
	DIR *folder = opendir(CASES);
	unsigned count = 0;

	CHECK(folder != NULL);
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		struct found found = {0};
		struct http_case one;
		int before = unit_failures;
		char path[512];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", CASES, entry->d_name);
		CHECK(case_read(&one, read_text(path)));
		run(path, &one, &found);
		if (unit_failures > before)
			printf("in %s\n", path);
		buf_free(&found.text);
		case_free(&one);
		count++;
	}
	CHECK(count > 40);
	if (folder)
		closedir(folder);
}

static void check_whole(const char *path, const struct http_case *one, struct found *found)
{
	const char *facts = find_in(one, found, SIZE_MAX, SIZE_MAX);

	if (getenv("REGOLD"))
		regold(path, facts);
	else
		CHECK_STR(facts, one->expect);
}

TEST(facts_are_those_of_the_conversation)
{
	each_case(check_whole);
}

static void check_pieces(const char *path, const struct http_case *one, struct found *found)
{
	size_t size =
		one->request.size > one->response.size ? one->request.size : one->response.size;

	(void)path;
	for (size_t piece = 1; piece <= size; piece += 1 + piece / 256) {
		int before = unit_failures;

		CHECK_STR(find_in(one, found, piece, SIZE_MAX), one->expect);
		if (unit_failures > before) {
			printf("in pieces of %zu\n", piece);
			return;
		}
	}
}

TEST(pieces_of_any_size_give_the_same_facts)
{
	each_case(check_pieces);
}

/* The answer cut in two, at every place. */
static void check_two_pieces(const char *path, const struct http_case *one, struct found *found)
{
	struct exchange_host host = {.context = found, .done = take_exchange, .hash = hash_bytes};
	const struct protocol *protocol = &protocol_http1;

	(void)path;
	for (size_t at = 1; at < one->response.size; at++) {
		void *state = calloc(1, protocol->state_size);
		int before = unit_failures;
		uint64_t ticks = 1;

		buf_clear(&found->text);
		protocol->open(state, &host);
		feed_in_pieces(protocol, state, PROTO_OUT, one->request.data, one->request.size,
			SIZE_MAX, &ticks);
		feed_in_pieces(protocol, state, PROTO_IN, one->response.data, at, at, &ticks);
		feed_in_pieces(protocol, state, PROTO_IN, one->response.data + at,
			one->response.size - at, SIZE_MAX, &ticks);
		protocol->close(state, ticks);
		free(state);
		CHECK_STR(buf_string(&found->text), one->expect);
		if (unit_failures > before) {
			printf("cut at %zu\n", at);
			return;
		}
	}
}

TEST(a_cut_anywhere_gives_the_same_facts)
{
	each_case(check_two_pieces);
}

static void check_cut(const char *path, const struct http_case *one, struct found *found)
{
	(void)path;
	for (size_t until = 0; until < one->response.size; until += 3) {
		find_in(one, found, SIZE_MAX, until);
		CHECK(found->failed || found->answered);
	}
}

TEST(what_is_cut_off_has_failed_unless_it_was_answered)
{
	each_case(check_cut);
}

UNIT_MAIN
