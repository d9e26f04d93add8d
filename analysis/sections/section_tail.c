/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slowest twentieth of the requests against the rest: which operations take longer on their
 * critical paths, and by which attributes they differ. With few requests it says nothing.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/path/requests.h"
#include "analysis/report.h"
#include "lib/map.h"
#include "lib/units.h"

static const struct table_column columns[] = {
	{"kind", "", TABLE_TEXT},
	{"name", "what", TABLE_TEXT},
	{"tail_ns", "in the tail", TABLE_DURATION},
	{"rest_ns", "in the rest", TABLE_DURATION},
	{"difference_ns", "more", TABLE_DURATION},
	{"tail_share", "have it there", TABLE_SHARE},
	{"rest_share", "and in the rest", TABLE_SHARE},
	{0},
};

enum { KIND, NAME, TAIL, REST, DIFFERENCE, TAIL_SHARE, REST_SHARE };

/* Fewer requests have no tail. */
#define LEAST_UNITS 20
#define TAIL_PERCENT 95
#define MOST_PERCENT 90

/* An attribute that differs is told from this difference of shares and this chi-square on (one
 * degree of freedom, p < .001: many attributes are looked at). */
#define LEAST_DIFFERENCE 0.2
#define LEAST_CHI_SQUARE 10.83

struct cohorts {
	const struct analysis *analysis;
	bool *is_tail; /* of each unit */
	uint32_t tail_count, rest_count;
	int64_t limit_ns; /* those that take longer are the tail */
};

static int split(struct cohorts *cohorts)
{
	const struct units *units = cohorts->analysis->units;
	int64_t *durations = malloc(units->count * sizeof(*durations));

	cohorts->is_tail = calloc(units->count, sizeof(*cohorts->is_tail));
	if (!durations || !cohorts->is_tail) {
		free(durations);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < units->count; i++)
		durations[i] = unit_duration(units, &units->list[i]);
	sort_durations(durations, units->count);
	cohorts->limit_ns = percentile_of(durations, units->count, TAIL_PERCENT);
	/* of many that take the same time none is slow */
	if (durations[units->count * MOST_PERCENT / 100] == cohorts->limit_ns)
		cohorts->limit_ns++;
	free(durations);
	for (uint32_t i = 0; i < units->count; i++) {
		cohorts->is_tail[i] = unit_duration(units, &units->list[i]) >= cohorts->limit_ns;
		cohorts->tail_count += cohorts->is_tail[i];
	}
	cohorts->rest_count = units->count - cohorts->tail_count;
	return 0;
}

/* ---- operations ---- */

static void add_operations(struct table *table, const struct cohorts *cohorts, int64_t *sums)
{
	const struct graph *graph = cohorts->analysis->graph;

	for (uint32_t i = 0; i < graph->operation_count; i++) {
		int64_t tail = sums[2 * i + 1] / cohorts->tail_count;
		int64_t rest = sums[2 * i] / cohorts->rest_count;

		if (tail <= rest)
			continue;
		table_row(table);
		table_set_text(table, KIND, "operation");
		table_set_text(table, NAME,
			i ? strtab_get(graph->texts, graph->operations[i].name)
			  : "(the program itself)");
		table_set(table, TAIL, tail);
		table_set(table, REST, rest);
		table_set(table, DIFFERENCE, tail - rest);
	}
}

static int put_operations(struct table *table, const struct cohorts *cohorts)
{
	const struct units *units = cohorts->analysis->units;
	const struct graph *graph = cohorts->analysis->graph;
	int64_t *sums = calloc((size_t)graph->operation_count * 2, sizeof(*sums));

	if (!sums)
		return -ENOMEM;
	for (uint32_t i = 0; i < units->count; i++) {
		const struct unit *unit = &units->list[i];

		for (uint32_t j = unit->first; j < unit->first + unit->section_count; j++) {
			const struct section_of_path *section = &units->path.sections[j];
			const struct node *node = &graph->nodes[section->node];

			if (node->cause != NODE_NONE)
				node = &graph->nodes[node->cause];
			sums[2 * node_group(graph, node) + cohorts->is_tail[i]] +=
				section->end_ns - section->start_ns;
		}
	}
	add_operations(table, cohorts, sums);
	free(sums);
	return 0;
}

/* ---- attributes ---- */

static const struct trait {
	const char *name;
	size_t offset;
} traits[] = {
	{"model", offsetof(struct request, model)},
	{"provider", offsetof(struct request, provider)},
	{"host", offsetof(struct request, host)},
	{"path", offsetof(struct request, path)},
	{"cache", offsetof(struct request, cache)},
	{"collection", offsetof(struct request, collection)},
	{"error", offsetof(struct request, error)},
	{"tool", offsetof(struct request, tool)},
	{"finish", offsetof(struct request, finish)},
};

/* Units that have a value, by trait and text: rest in the low half, tail in the high one. */
static int count_values(const struct cohorts *cohorts, struct map *values, struct map *seen)
{
	const struct analysis *analysis = cohorts->analysis;
	const struct graph *graph = analysis->graph;

	for (uint32_t i = 0; i < graph->request_count; i++) {
		const struct request *request = &graph->requests[i];
		uint32_t unit = analysis->units->owner[request->node];

		for (size_t j = 0; unit != NODE_NONE && j < sizeof(traits) / sizeof(*traits); j++) {
			uint32_t text =
				*(const uint32_t *)((const char *)request + traits[j].offset);
			uint64_t key = (uint64_t)j << 32 | text, *last, *count;

			if (!text)
				continue;
			last = map_at(seen, key);
			if (!last)
				return -ENOMEM;
			/* requests come in the order of ids: a unit may come again, later */
			if (*last == unit + 1)
				continue;
			*last = unit + 1;
			count = map_at(values, key);
			if (!count)
				return -ENOMEM;
			*count += cohorts->is_tail[unit] ? 1ull << 32 : 1;
		}
	}
	return 0;
}

/* Of a table of two by two. */
static double chi_square(double a, double b, double tail, double rest)
{
	double all = tail + rest, have = a + b, expected = tail * have / all;
	double spread = expected * (1 - have / all) * (rest / all);

	return spread > 0 ? (a - expected) * (a - expected) / spread : 0;
}

static void add_value(
	struct table *table, const struct cohorts *cohorts, uint64_t key, uint64_t counts)
{
	double tail = (double)cohorts->tail_count, rest = (double)cohorts->rest_count;
	double a = (double)(counts >> 32), b = (double)(uint32_t)counts;
	struct buf name = {0};

	a = a < tail ? a : tail;
	b = b < rest ? b : rest;
	if (fabs(a / tail - b / rest) < LEAST_DIFFERENCE ||
		chi_square(a, b, tail, rest) < LEAST_CHI_SQUARE)
		return;
	buf_printf(&name, "%s = %s", traits[key >> 32].name,
		strtab_get(cohorts->analysis->graph->texts, (uint32_t)key));
	table_row(table);
	table_set_text(table, KIND, "attribute");
	table_set_text(table, NAME, buf_string(&name));
	table_set(table, TAIL_SHARE, (int64_t)(a / tail * 1000 + 0.5));
	table_set(table, REST_SHARE, (int64_t)(b / rest * 1000 + 0.5));
	buf_free(&name);
}

static int compare_keys(const void *left, const void *right)
{
	uint64_t a = ((const struct map_entry *)left)->key;
	uint64_t b = ((const struct map_entry *)right)->key;

	return a < b ? -1 : a > b;
}

static int put_attributes(struct table *table, const struct cohorts *cohorts)
{
	struct map values = {0}, seen = {0};
	struct map_entry *list = NULL;
	size_t count = 0;
	int err = count_values(cohorts, &values, &seen);

	if (!err)
		list = malloc((values.count + 1) * sizeof(*list));
	for (size_t i = 0; list && i < values.capacity; i++) {
		if (values.entries[i].used)
			list[count++] = values.entries[i];
	}
	/* in an order that does not hang on the map's */
	if (list)
		qsort(list, count, sizeof(*list), compare_keys);
	for (size_t i = 0; i < count; i++)
		add_value(table, cohorts, list[i].key, list[i].value);
	free(list);
	map_free(&values);
	map_free(&seen);
	return err;
}

int section_tail(const struct section_context *context, struct section *section)
{
	struct cohorts cohorts = {.analysis = context->analysis};
	char limit[UNITS_SIZE];
	int err = 0;

	section->table = table_new(columns);
	if (!section->table)
		return -ENOMEM;
	if (context->analysis->units->count < LEAST_UNITS)
		return 0;
	err = split(&cohorts);
	if (!err && cohorts.tail_count && cohorts.rest_count) {
		err = put_operations(section->table, &cohorts);
		if (!err)
			err = put_attributes(section->table, &cohorts);
		table_sort(section->table, DIFFERENCE);
		buf_printf(&section->notes,
			"%u requests of %s and more against the other %u; means of their critical "
			"paths.\n",
			cohorts.tail_count, units_duration(limit, cohorts.limit_ns),
			cohorts.rest_count);
	}
	free(cohorts.is_tail);
	return err;
}
