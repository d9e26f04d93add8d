/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/prices.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/embedded.h"
#include "lib/log.h"
#include "protocols/exchange.h"

/* No table of prices is longer. */
#define FILE_MAX (4u << 20)
#define MILLION 1000000.0

/* Per million tokens; NAN: not in the table. */
struct price {
	char *provider, *model;
	double input, output, cached, cache_write, up_to;
};

struct prices {
	struct price *rows;
	size_t count;
};

void prices_free(struct prices *prices)
{
	if (!prices)
		return;
	for (size_t i = 0; i < prices->count; i++) {
		free(prices->rows[i].provider);
		free(prices->rows[i].model);
	}
	free(prices->rows);
	free(prices);
}

/* ---- reading ---- */

struct loading {
	yaml_document_t document;
	struct prices *prices;
	char *error;
	size_t room;
};

static int complain(struct loading *loading, const yaml_node_t *node, const char *what)
{
	snprintf(loading->error, loading->room, "line %zu: %s",
		node ? node->start_mark.line + 1 : 1, what);
	return -EINVAL;
}

typedef int pair_fn(struct loading *loading, const char *key, yaml_node_t *value, void *context);

static int each_pair(struct loading *loading, yaml_node_t *node, pair_fn *take, void *context)
{
	if (!node || node->type != YAML_MAPPING_NODE)
		return complain(loading, node, "expected \"name: ...\" pairs");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&loading->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&loading->document, pair->value);
		int err;

		if (key->type != YAML_SCALAR_NODE)
			return complain(loading, key, "expected a name");
		err = take(loading, (const char *)key->data.scalar.value, value, context);
		if (err)
			return err;
	}
	return 0;
}

static int take_figure(struct loading *loading, const char *key, yaml_node_t *value, void *context)
{
	struct price *price = context;
	double *place = !strcmp(key, "input") ? &price->input
		: !strcmp(key, "output")      ? &price->output
		: !strcmp(key, "cached")      ? &price->cached
		: !strcmp(key, "cache_write") ? &price->cache_write
		: !strcmp(key, "up_to")	      ? &price->up_to
					      : NULL;
	char *end = NULL;

	if (!place)
		return complain(
			loading, value, "a price has input, output, cached, cache_write and up_to");
	if (value->type == YAML_SCALAR_NODE)
		*place = strtod((const char *)value->data.scalar.value, &end);
	if (!end || end == (const char *)value->data.scalar.value || *end || !(*place >= 0))
		return complain(loading, value, "expected a number that is not negative");
	return 0;
}

static int take_model(struct loading *loading, const char *key, yaml_node_t *value, void *context)
{
	struct price price = {
		.input = NAN, .output = NAN, .cached = NAN, .cache_write = NAN, .up_to = INFINITY};
	struct prices *prices = loading->prices;
	struct price *rows;
	int err = each_pair(loading, value, take_figure, &price);

	if (err)
		return err;
	if (isnan(price.input))
		return complain(loading, value, "a price needs an input");
	rows = realloc(prices->rows, (prices->count + 1) * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	prices->rows = rows;
	price.provider = strdup(context);
	price.model = strdup(key);
	rows[prices->count++] = price;
	return price.provider && price.model ? 0 : -ENOMEM;
}

static int take_provider(
	struct loading *loading, const char *key, yaml_node_t *value, void *context)
{
	(void)context;
	return each_pair(loading, value, take_model, (void *)key);
}

static int take_section(struct loading *loading, const char *key, yaml_node_t *value, void *context)
{
	(void)context;
	return strcmp(key, "prices") != 0 ? 0 : each_pair(loading, value, take_provider, NULL);
}

struct prices *prices_parse(const char *text, size_t size, char *error, size_t room)
{
	struct loading loading = {.error = error, .room = room};
	yaml_parser_t parser;
	int err = -ENOMEM;

	*error = '\0';
	loading.prices = calloc(1, sizeof(*loading.prices));
	if (!loading.prices || !yaml_parser_initialize(&parser)) {
		free(loading.prices);
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (yaml_parser_load(&parser, &loading.document)) {
		err = each_pair(&loading, yaml_document_get_root_node(&loading.document),
			take_section, NULL);
		yaml_document_delete(&loading.document);
	} else {
		snprintf(error, room, "line %zu: %s", parser.problem_mark.line + 1,
			parser.problem ? parser.problem : "no YAML");
	}
	yaml_parser_delete(&parser);
	if (!err)
		return loading.prices;
	prices_free(loading.prices);
	return NULL;
}

/* Where the user's own table would be; false where nothing says so. */
static bool own_path(char *path, size_t room)
{
	const char *named = getenv("RAGTIME_PRICES");
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int size;

	if (named && *named)
		size = snprintf(path, room, "%s", named);
	else if (config && *config == '/')
		size = snprintf(path, room, "%s/ragtime/prices.yaml", config);
	else if (home && *home == '/')
		size = snprintf(path, room, "%s/.config/ragtime/prices.yaml", home);
	else
		return false;
	return (size_t)size < room;
}

static struct prices *load_own(const char *path)
{
	struct prices *prices = NULL;
	FILE *file = fopen(path, "re");
	char error[256];
	char *text;
	size_t size;

	if (!file) {
		if (errno != ENOENT || getenv("RAGTIME_PRICES"))
			log_warn("cannot read prices from %s: %s; using those built in", path,
				strerror(errno));
		return NULL;
	}
	text = malloc(FILE_MAX);
	size = text ? fread(text, 1, FILE_MAX, file) : 0;
	fclose(file);
	if (text)
		prices = prices_parse(text, size, error, sizeof(error));
	if (text && !prices)
		log_warn("prices in %s: %s; using those built in", path, error);
	free(text);
	return prices;
}

struct prices *prices_load(void)
{
	const struct embedded *built_in = embedded_find("data/prices.yaml");
	struct prices *prices = NULL;
	char path[4096], error[256];

	if (own_path(path, sizeof(path)))
		prices = load_own(path);
	return prices ? prices : prices_parse(built_in->text, built_in->size, error, sizeof(error));
}

/* ---- looking up ---- */

/* Bedrock's models may be asked for by a group of regions: "us.anthropic...". */
static const char *without_region(const char *model)
{
	static const char *const regions[] = {"us.", "eu.", "apac.", "global.", "us-gov."};

	for (size_t i = 0; i < sizeof(regions) / sizeof(*regions); i++) {
		if (!strncmp(model, regions[i], strlen(regions[i])))
			return model + strlen(regions[i]);
	}
	return model;
}

/* Versions: "", "-latest", "-2024-08-06", "@20250514", "-001", "-v1:0", "-20241022-v2:0". */
static bool is_version(const char *text)
{
	bool first = true;

	if (!strcmp(text, "-latest"))
		return true;
	for (; *text; first = false) {
		size_t digits;

		if (!strchr("-@:", *text))
			return false;
		text++;
		if (*text == 'v') {
			first = false;
			text++;
		}
		digits = strspn(text, "0123456789");
		if (!digits || (first && digits < 3))
			return false;
		text += digits;
	}
	return true;
}

static const struct price *find(
	const struct prices *prices, const char *provider, const char *model)
{
	const struct price *best = NULL;
	size_t best_size = 0;

	if (!strcmp(provider, "aws.bedrock"))
		model = without_region(model);
	for (size_t i = 0; i < prices->count; i++) {
		const struct price *price = &prices->rows[i];
		size_t size = strlen(price->model);

		if (!strcmp(price->provider, provider) && size > best_size &&
			!strncmp(price->model, model, size) && is_version(model + size)) {
			best = price;
			best_size = size;
		}
	}
	return best;
}

/* -1: not known. */
static double tokens_of(const struct exchange *exchange, const char *key)
{
	const struct exchange_fact *fact = exchange_find(exchange, key);

	return fact && fact->type == FACT_INT && fact->number >= 0 ? (double)fact->number : -1;
}

/* Another tier than the usual one has other prices. */
static bool is_usual_tier(const struct exchange *exchange)
{
	static const char *const keys[] = {"openai.response.service_tier", "ragtime.service_tier"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *tier = exchange_find_text(exchange, keys[i]);

		if (tier && strcmp(tier, "default") != 0 && strcmp(tier, "standard") != 0)
			return false;
	}
	return true;
}

/* Adds tokens of a kind: those that are used and have no price make the sum unknown (NAN). */
static double cost_of(double tokens, double per_million)
{
	return tokens > 0 ? tokens * per_million / MILLION : 0;
}

bool prices_cost(const struct prices *prices, const struct exchange *exchange, double *usd)
{
	const char *provider = exchange_find_text(exchange, "gen_ai.provider.name");
	const char *asked = exchange_find_text(exchange, "gen_ai.request.model");
	const char *answered = exchange_find_text(exchange, "gen_ai.response.model");
	double input = tokens_of(exchange, "gen_ai.usage.input_tokens");
	double output = tokens_of(exchange, "gen_ai.usage.output_tokens");
	double cached = fmax(tokens_of(exchange, "gen_ai.usage.cache_read.input_tokens"), 0);
	double written = fmax(tokens_of(exchange, "gen_ai.usage.cache_creation.input_tokens"), 0);
	const struct price *price = NULL;

	if (!provider || input < cached + written || !is_usual_tier(exchange))
		return false;
	if (answered)
		price = find(prices, provider, answered);
	if (!price && asked)
		price = find(prices, provider, asked);
	/* a price without output is of a model that has none */
	if (!price || input > price->up_to || (output < 0 && !isnan(price->output)))
		return false;
	*usd = cost_of(input - cached - written, price->input) + cost_of(cached, price->cached) +
		cost_of(written, price->cache_write) + cost_of(output, price->output);
	return !isnan(*usd);
}
