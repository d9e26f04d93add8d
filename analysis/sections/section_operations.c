/* SPDX-License-Identifier: Apache-2.0 */
/* Per operation: how often, how long, and how unevenly. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report.h"
#include "lib/hist.h"
#include "lib/map.h"
#include "lib/words.h"

static const struct table_column columns[] = {
	{"name", "operation", TABLE_TEXT},
	{"module", NULL, TABLE_TEXT},
	{"family", NULL, TABLE_TEXT},
	{"self_ns", "self", TABLE_DURATION},
	{"total_ns", "total", TABLE_DURATION},
	{"calls", "calls", TABLE_COUNT},
	{"weight", NULL, TABLE_COUNT},
	{"avg_ns", "avg", TABLE_DURATION},
	{"min_ns", NULL, TABLE_DURATION},
	{"p50_ns", "p50", TABLE_DURATION},
	{"p95_ns", "p95", TABLE_DURATION},
	{"p99_ns", "p99", TABLE_DURATION},
	{"max_ns", "max", TABLE_DURATION},
	{"bytes", "bytes", TABLE_BYTES},
	{"errors", "errors", TABLE_COUNT},
	{0},
};

enum {
	NAME,
	MODULE,
	FAMILY,
	SELF,
	TOTAL,
	CALLS,
	WEIGHT,
	AVG,
	MIN,
	P50,
	P95,
	P99,
	MAX,
	BYTES,
	ERRORS
};

/* Below this many samples a 99th percentile is one of the largest few by chance. */
#define P99_SAMPLES 100

/* A call inside a call of its own kind is already in the outer one's total. */
struct nesting {
	struct map parents, operations; /* of all folds */
};

static int read_nesting(struct model *model, struct nesting *nesting)
{
	struct query *query = model_query(model, "SELECT id, parent, operation FROM fold");
	int err = 0;

	while (!err && query_next(query)) {
		uint64_t id = (uint64_t)query_int(query, 0);
		uint64_t *parent = map_at(&nesting->parents, id);
		uint64_t *operation = map_at(&nesting->operations, id);

		if (!parent || !operation) {
			err = -ENOMEM;
			break;
		}
		*parent = (uint64_t)query_int(query, 1);
		*operation = (uint64_t)query_int(query, 2);
	}
	query_free(query);
	return err;
}

static bool is_recursive(const struct nesting *nesting, uint64_t id, uint64_t operation)
{
	uint64_t *parent = map_find(&nesting->parents, id);

	/* no honest tree is as deep as it has nodes: a damaged one may go in circles */
	for (size_t i = 0; parent && *parent && i < nesting->parents.count; i++) {
		uint64_t *above = map_find(&nesting->operations, *parent);

		if (above && *above == operation)
			return true;
		parent = map_find(&nesting->parents, *parent);
	}
	return false;
}

struct sums {
	int64_t operation, self_ns, total_ns, calls, weight, sum_ns, min_ns, max_ns, bytes, errors;
	unsigned family;
	char *name, *module;
	bool has_hist;
	struct hist hist;
};

struct sums_list {
	struct sums *items;
	size_t count;
	struct map by_operation; /* index + 1 */
};

static void free_list(struct sums_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		free(list->items[i].module);
		hist_free(&list->items[i].hist);
	}
	free(list->items);
	map_free(&list->by_operation);
}

static int read_operations(struct model *model, struct sums_list *list)
{
	struct query *query = model_query(
		model, "SELECT id, name, module, family FROM operation ORDER BY name, module, id");
	int err = 0;

	while (!err && query_next(query)) {
		struct sums *more = realloc(list->items, (list->count + 1) * sizeof(*more));
		uint64_t *index = map_at(&list->by_operation, (uint64_t)query_int(query, 0));
		const char *name = query_text(query, 1), *module = query_text(query, 2);

		if (more)
			list->items = more;
		if (!more || !index) {
			err = -ENOMEM;
			break;
		}
		more[list->count] = (struct sums){
			.operation = query_int(query, 0),
			.family = (unsigned)query_int(query, 3),
			.name = strdup(name ? name : "?"),
			.module = module ? strdup(module) : NULL,
			.min_ns = INT64_MAX,
			.has_hist = true,
		};
		*index = ++list->count;
	}
	query_free(query);
	return err;
}

static void add_fold(const struct query *query, const struct nesting *nesting, struct sums *sums)
{
	size_t size;
	const void *blob = query_blob(query, 10, &size);

	sums->calls += query_int(query, 2);
	sums->sum_ns += query_int(query, 3);
	if (!is_recursive(nesting, (uint64_t)query_int(query, 1), (uint64_t)sums->operation))
		sums->total_ns += query_int(query, 3);
	sums->self_ns += query_int(query, 4);
	if (query_int(query, 5) < sums->min_ns)
		sums->min_ns = query_int(query, 5);
	if (query_int(query, 6) > sums->max_ns)
		sums->max_ns = query_int(query, 6);
	sums->errors += query_int(query, 7);
	sums->bytes += query_int(query, 8);
	sums->weight += query_int(query, 9);
	if (!blob || hist_unpack(&sums->hist, blob, size))
		sums->has_hist = false;
}

static void read_folds(const struct section_context *context, const struct nesting *nesting,
	struct sums_list *list)
{
	struct query *query = model_query(context->model,
		"SELECT operation, id, calls, sum_ns, self_ns, min_ns, max_ns, errors, bytes, weight,"
		" histogram FROM profile WHERE run = ?");

	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		uint64_t *index = map_find(&list->by_operation, (uint64_t)query_int(query, 0));

		if (index)
			add_fold(query, nesting, &list->items[*index - 1]);
	}
	query_free(query);
}

/* The buckets' middles may lie outside of what was really seen. */
static int64_t percentile(const struct sums *sums, double percent)
{
	int64_t value = (int64_t)hist_percentile(&sums->hist, percent);

	return value < sums->min_ns ? sums->min_ns : value > sums->max_ns ? sums->max_ns : value;
}

static void add_row(struct table *table, const struct sums *sums)
{
	table_row(table);
	table_set_text(table, NAME, sums->name);
	table_set_text(table, MODULE, sums->module);
	table_set_text(table, FAMILY, word_name("family", sums->family));
	table_set(table, SELF, sums->self_ns);
	table_set(table, TOTAL, sums->total_ns);
	table_set(table, CALLS, sums->calls);
	table_set(table, WEIGHT, sums->weight);
	table_set(table, AVG, sums->sum_ns / sums->calls);
	table_set(table, MIN, sums->min_ns);
	table_set(table, MAX, sums->max_ns);
	table_set(table, BYTES, sums->bytes);
	table_set(table, ERRORS, sums->errors);
	if (!sums->has_hist || !sums->hist.total)
		return;
	table_set(table, P50, percentile(sums, 50));
	table_set(table, P95, percentile(sums, 95));
	if (sums->hist.total < P99_SAMPLES)
		table_set_reason(table, P99, "n<100");
	else
		table_set(table, P99, percentile(sums, 99));
}

int section_operations(const struct section_context *context, struct section *section)
{
	struct nesting nesting = {0};
	struct sums_list list = {0};
	bool few = false;
	int err;

	section->table = table_new(columns);
	err = section->table ? read_nesting(context->model, &nesting) : -ENOMEM;
	err = err ? err : read_operations(context->model, &list);
	if (err)
		goto out;
	read_folds(context, &nesting, &list);
	for (size_t i = 0; i < list.count; i++) {
		if (list.items[i].calls <= 0)
			continue;
		add_row(section->table, &list.items[i]);
		few |= list.items[i].hist.total < P99_SAMPLES;
	}
	table_sort(section->table, SELF);
	if (few)
		buf_puts(&section->notes, "n<100: n too small for a 99th percentile.\n");
out:
	free_list(&list);
	map_free(&nesting.parents);
	map_free(&nesting.operations);
	return err;
}
