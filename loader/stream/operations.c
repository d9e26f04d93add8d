/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/operations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROWS_BY 64

void operations_init(struct operations *operations)
{
	*operations = (struct operations){
		.functions.first = RT_KIND_FUNCTION, .runtime.first = RT_KIND_RUNTIME};
}

static void range_free(struct operation_range *range)
{
	for (uint32_t i = 0; i < range->count; i++) {
		free(range->list[i].name);
		free(range->list[i].module);
		free(range->list[i].symbol);
	}
	free(range->list);
}

void operations_free(struct operations *operations)
{
	range_free(&operations->functions);
	range_free(&operations->runtime);
}

static struct operation *place_of(struct operation_range *range, uint32_t index)
{
	if (index >= range->count) {
		uint32_t count = (index | (GROWS_BY - 1)) + 1;
		struct operation *grown = realloc(range->list, count * sizeof(*grown));

		if (!grown)
			return NULL;
		memset(grown + range->count, 0, (count - range->count) * sizeof(*grown));
		range->list = grown;
		range->count = count;
	}
	return &range->list[index];
}

static bool same(const char *known, const char *text)
{
	return known && !strcmp(known, text);
}

int operations_put(struct operations *operations, struct texts *texts, uint32_t kind,
	const struct operation_facts *facts)
{
	struct operation_range *range =
		kind < RT_KIND_RUNTIME ? &operations->functions : &operations->runtime;
	const char *name = facts->name ? facts->name : "";
	const char *symbol = facts->symbol ? facts->symbol : "";
	const char *module = facts->module ? facts->module : "";
	struct operation *operation;
	size_t size;

	if (kind < RT_KIND_FUNCTION || kind >= RT_KIND_LIMIT)
		return -EINVAL;
	operation = place_of(range, kind - range->first);
	if (!operation)
		return -ENOMEM;
	module = texts_clean(texts, REDACT_PATH, module, strlen(module), &size);
	/* each process says it anew */
	if (same(operation->name, name) && same(operation->symbol, symbol) &&
		same(operation->module, module) && operation->line == facts->line)
		return 0;
	free(operation->name);
	free(operation->symbol);
	free(operation->module);
	/* Names of code, not chosen at run time: not redacted, which would spoil mangled ones. */
	operation->name = strdup(name);
	operation->symbol = strdup(symbol);
	operation->module = strdup(module);
	operation->line = facts->line;
	operation->role = facts->role;
	operation->due = true; /* its first calls may be packed already */
	return operation->name && operation->symbol && operation->module ? 0 : -ENOMEM;
}

void operations_class(struct operations *operations, uint32_t kind, uint32_t class)
{
	const struct operation_range *range = &operations->functions;

	if (kind - range->first < range->count)
		range->list[kind - range->first].class = class;
}

static uint32_t text_of(struct batch *batch, const char *text)
{
	return text ? batch_text(batch, text, strlen(text)) : 0;
}

static void fill_one(struct operation *operation, uint32_t kind, struct batch *batch)
{
	Ragtime__Raw__Operation row = RAGTIME__RAW__OPERATION__INIT;

	row.kind = kind;
	row.name = text_of(batch, operation->name);
	row.module = text_of(batch, operation->module);
	row.symbol = text_of(batch, operation->symbol);
	row.line = operation->line;
	row.role = operation->role;
	row.class_ = operation->class;
	batch_row(batch, TABLE_OPERATION, &row);
	operation->due = false;
}

static void range_fill(struct operation_range *range, struct batch *batch)
{
	for (uint32_t i = 0; i < range->count; i++)
		if (range->list[i].due)
			fill_one(&range->list[i], range->first + i, batch);
}

void operations_fill(struct operations *operations, struct batch *batch)
{
	range_fill(&operations->functions, batch);
	range_fill(&operations->runtime, batch);
}
