/* SPDX-License-Identifier: Apache-2.0 */
/* What ragtime measured of itself: one row a metric, its unit by the name's ending. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report.h"
#include "lib/units.h"

static const struct table_column columns[] = {
	{"name", NULL, TABLE_TEXT},
	{NULL, "", TABLE_TEXT},
	{NULL, "value", TABLE_TEXT},
	{"value", NULL, TABLE_NUMBER},
	{0},
};

enum { NAME, TITLE, SHOWN, VALUE };

/* Metrics that a newcomer would wonder about; others go by their names. */
static const struct {
	const char *name;
	const char *title;
} titles[] = {
	{"tracer_cpu_ns", "CPU time of the tracer"},
	{"tracer_peak_rss_bytes", "memory of the tracer"},
	{"region_bytes", "memory for rings, at most"},
	{"startup_ns", "start of the program delayed by"},
	{"records", "records read from the rings"},
	{"passes", "passes over the rings"},
	{"bytes_out", "bytes of trace written when this was noted"},
};

static const char *title_of(const char *name)
{
	for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++) {
		if (!strcmp(titles[i].name, name))
			return titles[i].title;
	}
	return name;
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	return length > tail && !strcmp(name + length - tail, end);
}

static const char *show(const char *name, int64_t value, char *space)
{
	if (value < 0) {
		snprintf(space, UNITS_SIZE, "%lld", (long long)value);
		return space;
	}
	if (ends_with(name, "_ns"))
		return units_duration(space, value);
	if (ends_with(name, "_bytes"))
		return units_bytes(space, value);
	return units_count(space, value);
}

int section_cost(const struct section_context *context, struct section *section)
{
	struct table *table = table_new(columns);
	struct query *query;
	char space[UNITS_SIZE];

	section->table = table;
	section->whole = true;
	if (!table)
		return -ENOMEM;
	query = model_query(
		context->model, "SELECT name, value FROM metric WHERE run = ? ORDER BY name");
	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		const char *name = query_text(query, 0);

		table_row(table);
		table_set_text(table, NAME, name);
		if (query_is_null(query, 1) || !name)
			continue;
		table_set_text(table, TITLE, title_of(name));
		table_set_text(table, SHOWN, show(name, query_int(query, 1), space));
		table_set(table, VALUE, query_int(query, 1));
	}
	query_free(query);
	return 0;
}
