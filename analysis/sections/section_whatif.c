/* SPDX-License-Identifier: Apache-2.0 */
/* What units would take if an operation were faster, from a replay of all of them. */
#include <errno.h>

#include "analysis/analysis.h"
#include "analysis/report.h"
#include "lib/units.h"

static const struct table_column columns[] = {
	{"name", "if this were", TABLE_TEXT},
	{"faster_percent", "faster by %", TABLE_NUMBER},
	{"p50_ns", "p50", TABLE_DURATION},
	{"p95_ns", "p95", TABLE_DURATION},
	{"saving_ns", "saves", TABLE_DURATION},
	{"saving_share", "of all", TABLE_SHARE},
	{0},
};

enum { NAME, FASTER, P50, P95, SAVING, SHARE };

/* Of the whole less than this is not worth a line. */
#define LEAST_SHARE 0.01

static void add(struct table *table, const struct analysis *analysis, const struct impact *impact,
	unsigned speed)
{
	const struct graph *graph = analysis->graph;
	int64_t saving = impact->what_if[speed].saving_ns;

	table_row(table);
	table_set_text(
		table, NAME, strtab_get(graph->texts, graph->operations[impact->operation].name));
	table_set(table, FASTER, impact->what_if[speed].percent);
	table_set(table, P50, impact->what_if[speed].p50_ns);
	table_set(table, P95, impact->what_if[speed].p95_ns);
	table_set(table, SAVING, saving);
	table_set(table, SHARE,
		(int64_t)((double)saving * 1000 / (double)analysis->units->total_ns + 0.5));
}

int section_whatif(const struct section_context *context, struct section *section)
{
	const struct analysis *analysis = context->analysis;
	char p50[UNITS_SIZE], p95[UNITS_SIZE];

	section->table = table_new(columns);
	if (!section->table)
		return -ENOMEM;
	for (uint32_t i = 0; i < analysis->impacts.count && i < ANALYSIS_WHAT_IF; i++) {
		if (analysis->impacts.list[i].share < LEAST_SHARE)
			continue;
		for (unsigned j = 0; j < 4; j++)
			add(section->table, analysis, &analysis->impacts.list[i], j);
	}
	if (table_rows(section->table))
		buf_printf(&section->notes, "Now: p50 %s, p95 %s.\n",
			units_duration(p50, analysis->impacts.p50_ns),
			units_duration(p95, analysis->impacts.p95_ns));
	return 0;
}
