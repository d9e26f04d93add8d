/* SPDX-License-Identifier: Apache-2.0 */
/* What requests cost: versions of models, tokens of several kinds, and what is not known. */
#include "tests/unit/unit.h"

#include <math.h>

#include "lib/embedded.h"
#include "loader/stream/prices.h"
#include "protocols/exchange.h"

static const char table[] =
	"dated: 2025-01-01\n"
	"prices:\n"
	"  openai: &openai\n"
	"    gpt-4o: {input: 2, output: 10, cached: 1}\n"
	"    gpt-4o-2024-05-13: {input: 5, output: 15}\n"
	"    embed: {input: 0.5}\n"
	"  azure.ai.openai: *openai\n"
	"  anthropic:\n"
	"    claude: {input: 3, output: 15, cached: 0.3, cache_write: 4, up_to: 1000}\n"
	"  aws.bedrock:\n"
	"    nova-lite: {input: 1, output: 2}\n";

static struct prices *prices;

static void parse(void)
{
	char error[256];

	prices = prices_parse(table, sizeof(table) - 1, error, sizeof(error));
	CHECK(prices != NULL);
}

static struct exchange *request(const char *provider, const char *model, int input, int output)
{
	static const struct proto_piece piece;
	static struct exchange_host host;
	struct exchange *exchange = exchange_begin(&host, "http1", PROTO_OUT, &piece);

	exchange_string(exchange, "gen_ai.provider.name", provider);
	exchange_string(exchange, "gen_ai.request.model", model);
	if (input >= 0)
		exchange_int(exchange, "gen_ai.usage.input_tokens", input);
	if (output >= 0)
		exchange_int(exchange, "gen_ai.usage.output_tokens", output);
	return exchange;
}

/* In millionths of a dollar; -1: not known. */
static long long cost(struct exchange *exchange)
{
	double usd = 0;
	bool known = prices_cost(prices, exchange, &usd);

	exchange_drop(exchange);
	return known ? llround(usd * 1e6) : -1;
}

TEST(a_model_stands_for_its_versions_alone)
{
	parse();
	CHECK_EQ(cost(request("openai", "gpt-4o", 100, 10)), 300);
	CHECK_EQ(cost(request("azure.ai.openai", "gpt-4o", 100, 10)), 300);
	CHECK_EQ(cost(request("openai", "gpt-4o-2024-08-06", 100, 10)), 300);
	CHECK_EQ(cost(request("openai", "gpt-4o-2024-05-13", 100, 10)), 650);
	CHECK_EQ(cost(request("openai", "gpt-4o-latest", 100, 10)), 300);
	CHECK_EQ(cost(request("openai", "gpt-4o-mini", 100, 10)), -1);
	CHECK_EQ(cost(request("openai", "gpt-4o-mini-2024-07-18", 100, 10)), -1);
	CHECK_EQ(cost(request("openai", "gpt-4o-2", 100, 10)), -1);
	CHECK_EQ(cost(request("groq", "gpt-4o", 100, 10)), -1);
	CHECK_EQ(cost(request("anthropic", "claude@20250514", 100, 10)), 450);
	CHECK_EQ(cost(request("aws.bedrock", "us.nova-lite-v1:0", 100, 10)), 120);
	CHECK_EQ(cost(request("aws.bedrock", "nova-lite-20250101-v1:0", 100, 10)), 120);
	prices_free(prices);
}

TEST(what_has_answered_counts_before_what_was_asked)
{
	struct exchange *exchange = request("openai", "my-deployment", 100, 10);

	parse();
	exchange_string(exchange, "gen_ai.response.model", "gpt-4o-2024-08-06");
	CHECK_EQ(cost(exchange), 300);
	exchange = request("openai", "gpt-4o", 100, 10);
	exchange_string(exchange, "gen_ai.response.model", "an-alias");
	CHECK_EQ(cost(exchange), 300);
	prices_free(prices);
}

TEST(tokens_of_caches_have_prices_of_their_own)
{
	struct exchange *exchange = request("anthropic", "claude", 1000, 0);

	parse();
	exchange_int(exchange, "gen_ai.usage.cache_read.input_tokens", 600);
	exchange_int(exchange, "gen_ai.usage.cache_creation.input_tokens", 300);
	CHECK_EQ(cost(exchange), 100 * 3 + 180 + 1200);
	/* no price for what was read from the cache: no cost */
	exchange = request("aws.bedrock", "nova-lite", 1000, 1);
	exchange_int(exchange, "gen_ai.usage.cache_read.input_tokens", 1);
	CHECK_EQ(cost(exchange), -1);
	prices_free(prices);
}

TEST(without_all_tokens_there_is_no_cost)
{
	struct exchange *exchange;

	parse();
	CHECK_EQ(cost(request("openai", "gpt-4o", -1, 10)), -1);
	CHECK_EQ(cost(request("openai", "gpt-4o", 10, -1)), -1);
	CHECK_EQ(cost(request("openai", "embed", 10, -1)), 5);
	CHECK_EQ(cost(request("openai", "embed", 10, 1)), -1);
	CHECK_EQ(cost(request("anthropic", "claude", 1001, 1)), -1);
	exchange = request("openai", "gpt-4o", 100, 10);
	exchange_string(exchange, "openai.response.service_tier", "priority");
	CHECK_EQ(cost(exchange), -1);
	exchange = request("openai", "gpt-4o", 100, 10);
	exchange_string(exchange, "openai.response.service_tier", "default");
	CHECK_EQ(cost(exchange), 300);
	prices_free(prices);
}

TEST(a_wrong_table_is_refused_by_its_line)
{
	static const struct {
		const char *text, *error;
	} wrong[] = {
		{"prices:\n  a:\n    b: {input: x}\n", "line 3: expected a number"},
		{"prices:\n  a:\n    b: {input: -1}\n", "line 3: expected a number"},
		{"prices:\n  a:\n    b: {output: 1}\n", "line 3: a price needs an input"},
		{"prices:\n  a:\n    b: {inputs: 1}\n", "line 3: a price has"},
		{"prices:\n  a: [1]\n", "line 2: expected \"name: ...\""},
		{"- 1\n", "line 1: expected \"name: ...\""},
		{"prices: {a\n", "line "},
		{"", "line 1: "},
	};
	char error[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		CHECK(!prices_parse(wrong[i].text, strlen(wrong[i].text), error, sizeof(error)));
		CHECK(!strncmp(error, wrong[i].error, strlen(wrong[i].error)));
	}
}

static void write_table(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	CHECK(file != NULL);
	if (file) {
		fputs(text, file);
		fclose(file);
	}
}

TEST(the_users_table_replaces_the_one_built_in)
{
	char path[256];

	unsetenv("RAGTIME_PRICES");
	setenv("XDG_CONFIG_HOME", "/nowhere", 1);
	prices = prices_load();
	CHECK_EQ(cost(request("openai", "gpt-4o-mini-2024-07-18", 1000000, 0)), 150000);
	prices_free(prices);

	snprintf(path, sizeof(path), "%s/prices.yaml", getenv("TMP") ? getenv("TMP") : "/tmp");
	write_table(path, "prices:\n  openai:\n    mine: {input: 7, output: 7}\n");
	setenv("RAGTIME_PRICES", path, 1);
	prices = prices_load();
	CHECK_EQ(cost(request("openai", "mine", 1, 1)), 14);
	CHECK_EQ(cost(request("openai", "gpt-4o", 1, 1)), -1);
	prices_free(prices);

	write_table(path, "prices: 1\n");
	prices = prices_load();
	CHECK(cost(request("openai", "gpt-4o", 100, 10)) > 0);
	prices_free(prices);
	unlink(path);
}

UNIT_MAIN
