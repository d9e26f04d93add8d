/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time went that somebody waited for: the critical paths by operation, each with what it
 * mostly waited for. The rows add up to the whole.
 */
#include <errno.h>
#include <stdio.h>

#include "analysis/analysis.h"
#include "analysis/report.h"
#include "lib/units.h"
#include "lib/words.h"

static const struct table_column columns[] = {
	{"name", "", TABLE_TEXT},
	{"class", "class", TABLE_TEXT},
	{"path_ns", "on the path", TABLE_DURATION},
	{"share", "share", TABLE_SHARE},
	{"calls", "calls", TABLE_COUNT},
	{"waits", "spent on", TABLE_TEXT},
	{"impact", "impact", TABLE_NUMBER},
	{"priority", "priority", TABLE_TEXT},
	{0},
};

enum { NAME, CLASS, PATH, SHARE, CALLS, WAITS, IMPACT, PRIORITY };

static int64_t per_mille(int64_t part, int64_t whole)
{
	return whole > 0 ? (int64_t)((double)part / (double)whole * 1000 + 0.5) : 0;
}

/* The two largest of them: "first token 61 %, token by token 36 %". */
static const char *put_leaves(struct buf *out, const int64_t leaves[WAIT_CLASSES], int64_t whole_ns)
{
	unsigned before = WAIT_CLASSES;

	buf_clear(out);
	for (int i = 0; i < 2; i++) {
		unsigned best = 0;

		for (unsigned j = 1; j < WAIT_CLASSES; j++) {
			if (j != before && leaves[j] > leaves[best])
				best = j;
		}
		if (!best || per_mille(leaves[best], whole_ns) < 50)
			break;
		buf_printf(out, "%s%s %lld %%", i ? ", " : "", word_title("wait", best),
			(long long)(per_mille(leaves[best], whole_ns) + 5) / 10);
		before = best;
	}
	return buf_string(out);
}

static void add_impact(struct table *table, const struct analysis *analysis,
	const struct impact *impact, struct buf *space)
{
	const struct graph *graph = analysis->graph;
	const struct graph_operation *operation = &graph->operations[impact->operation];
	const struct operation_path *path = &analysis->units->operations[impact->operation];

	table_row(table);
	table_set_text(table, NAME, strtab_get(graph->texts, operation->name));
	if (operation->class)
		table_set_text(table, CLASS, word_title("class", operation->class));
	table_set(table, PATH, impact->path_ns);
	table_set(table, SHARE, per_mille(impact->path_ns, analysis->units->total_ns));
	table_set(table, CALLS, path->count);
	table_set_text(table, WAITS, put_leaves(space, path->leaves, impact->path_ns));
	table_set(table, IMPACT, (int64_t)(impact->score + 0.5));
	table_set_text(table, PRIORITY, priority_name(impact_priority(impact->score)));
}

/* What the roots spend themselves: the program's own code, as far as the trace knows. */
static void add_own(struct table *table, const struct analysis *analysis, struct buf *space)
{
	const struct operation_path *own = &analysis->units->operations[0];

	if (own->path_ns <= 0)
		return;
	table_row(table);
	table_set_text(table, NAME, "(the program itself)");
	table_set(table, PATH, own->path_ns);
	table_set(table, SHARE, per_mille(own->path_ns, analysis->units->total_ns));
	table_set_text(table, WAITS, put_leaves(space, own->leaves, own->path_ns));
}

static void put_units(struct section *section, const struct analysis *analysis)
{
	const struct units *units = analysis->units;
	char p50[UNITS_SIZE], p95[UNITS_SIZE];

	if (units->count == 1)
		buf_printf(&section->notes, "The critical path of one %s of %s.\n",
			units->are_requests ? "request" : "program",
			units_duration(p50, units->total_ns));
	else
		buf_printf(&section->notes, "The critical paths of %u %s: p50 %s, p95 %s.\n",
			units->count, units->are_requests ? "requests" : "programs",
			units_duration(p50, analysis->impacts.p50_ns),
			units_duration(p95, analysis->impacts.p95_ns));
}

int section_path(const struct section_context *context, struct section *section)
{
	const struct analysis *analysis = context->analysis;
	struct buf space = {0};

	section->table = table_new(columns);
	if (!section->table)
		return -ENOMEM;
	if (!analysis->units->count || analysis->units->total_ns <= 0)
		return 0;
	for (uint32_t i = 0; i < analysis->impacts.count; i++)
		add_impact(section->table, analysis, &analysis->impacts.list[i], &space);
	add_own(section->table, analysis, &space);
	table_sort(section->table, PATH);
	put_units(section, analysis);
	buf_free(&space);
	return 0;
}
