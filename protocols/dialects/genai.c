/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/dialects/genai.h"

#include <stdio.h>

/* Providers reuse a prompt's beginning from about 1024 tokens on: some four kilobytes of text. */
#define PREFIX_BYTES 4096

bool genai_put_field(struct exchange *exchange, const struct genai_field *fields,
	const struct dialect_value *value)
{
	for (; fields->path; fields++) {
		if (!path_is(value, fields->path))
			continue;
		if (value->type == VALUE_STRING)
			exchange_text(exchange, fields->key, value->text, value->size);
		else if (value->type == VALUE_INT)
			exchange_int(exchange, fields->key, value->number);
		else if (value->type == VALUE_DOUBLE)
			exchange_double(exchange, fields->key, value->real);
		else if (value->type == VALUE_BOOL)
			exchange_bool(exchange, fields->key, value->number);
		return true;
	}
	return false;
}

static bool is_listed(const char *list, const char *name, size_t size)
{
	while (*list) {
		size_t item = strcspn(list, ",");

		if (item == size && !memcmp(list, name, size))
			return true;
		list += item + (list[item] == ',');
	}
	return false;
}

void genai_put_name(struct exchange *exchange, const char *key, const struct dialect_value *value)
{
	const char *before = exchange_find_text(exchange, key);
	char list[512];

	if (!is_text(value) || (before && is_listed(before, value->text, value->size)))
		return;
	snprintf(list, sizeof(list), "%s%s%.*s", before ? before : "", before ? "," : "",
		(int)(value->size < 64 ? value->size : 64), value->text);
	exchange_string(exchange, key, list);
}

void genai_name(struct exchange *exchange)
{
	const char *operation = exchange_find_text(exchange, GENAI_OPERATION);
	const char *model = exchange_find_text(exchange, GENAI_REQUEST_MODEL);

	if (!model)
		model = exchange_find_text(exchange, GENAI_RESPONSE_MODEL);
	if (operation)
		exchange_name(exchange, "%s%s%s", operation, model ? " " : "", model ? model : "");
}

void genai_hash_add(
	struct genai_hash *hash, struct exchange *exchange, const struct dialect_value *value)
{
	struct {
		uint64_t before, type, number, text, whole;
	} item = {hash->whole, value->type, (uint64_t)value->number, 0, value->whole};
	struct exchange_host *host = exchange->host;

	if (value->type == VALUE_STRING)
		item.text = host->hash(host->context, value->text, value->size);
	hash->whole = host->hash(host->context, &item, sizeof(item));
	if (hash->bytes < PREFIX_BYTES)
		hash->prefix = hash->whole;
	hash->bytes += value->whole;
}

void genai_hash_put(const struct genai_hash *hash, struct exchange *exchange)
{
	if (hash->whole)
		exchange_hash(exchange, "ragtime.request_hash", hash->whole);
	if (hash->bytes >= PREFIX_BYTES)
		exchange_hash(exchange, "ragtime.prompt_prefix_hash", hash->prefix);
}
