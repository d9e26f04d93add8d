/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a report: the facts of a run and the sections asked for. */
#include "analysis/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/verdict.h"

static const struct kind {
	const char *name;
	const char *title;
	const char *empty;
	section_fn *build;
} kinds[] = {
#define SECTION(name, title, empty) {#name, title, empty, section_##name},
#include "analysis/sections/sections.def"
#undef SECTION
};

#define COUNT (sizeof(kinds) / sizeof(*kinds))

static bool is_listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, length) && (at[length] == ',' || !at[length]))
			return true;
	}
	return false;
}

bool report_knows(const char *sections, char *unknown, size_t size)
{
	for (const char *at = sections; at; at = strchr(at, ',')) {
		size_t length, i = 0;

		at += *at == ',';
		length = strcspn(at, ",");
		while (i < COUNT &&
			(strlen(kinds[i].name) != length || strncmp(kinds[i].name, at, length)))
			i++;
		if (i == COUNT) {
			snprintf(unknown, size, "%.*s", (int)length, at);
			return false;
		}
	}
	return true;
}

int section_fill(const struct section_context *context, struct section *section,
	const struct table_column *columns, const char *sql, unsigned sort)
{
	struct query *query;

	section->table = table_new(columns);
	if (!section->table)
		return -ENOMEM;
	query = model_query(context->model, sql);
	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		table_row(section->table);
		for (unsigned i = 0; columns[i].key || columns[i].heading; i++) {
			if (columns[i].kind == TABLE_TEXT)
				table_set_text(section->table, i, query_text(query, (int)i));
			else if (!query_is_null(query, (int)i))
				table_set(section->table, i, query_int(query, (int)i));
		}
	}
	query_free(query);
	table_sort(section->table, sort);
	return 0;
}

static void read_facts(struct model *model, struct report *report)
{
	int64_t run = report->run->id;

	report->processes =
		model_number(model, "SELECT COUNT(*) FROM process WHERE run = ?", run, 0);
	report->threads = model_number(model,
		"SELECT COUNT(*) FROM thread t JOIN process p ON p.id = t.process WHERE p.run = ?",
		run, 0);
	report->calls = model_number(model, "SELECT SUM(calls) FROM profile WHERE run = ?", run, 0);
	report->sampled_calls = model_number(
		model, "SELECT SUM(weight - calls) FROM profile WHERE run = ?", run, 0);
	report->counted_calls = model_number(model,
		"SELECT SUM(c.calls) FROM counter c JOIN thread t ON t.id = c.thread"
		" JOIN process p ON p.id = t.process WHERE p.run = ?",
		run, 0);
}

struct report *report_new(struct model *model, const char *input, const struct run *run,
	const struct report_options *options)
{
	struct section_context context = {.model = model, .run = run};
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		goto fail;
	report->input = input;
	report->model = model;
	report->run = run;
	context.analysis = report->analysis = analysis_new(model, run, options->settings);
	if (!report->analysis)
		goto fail;
	report->sections = calloc(COUNT, sizeof(*report->sections));
	if (!report->sections)
		goto fail;
	read_facts(model, report);
	if (!options->sections && !(report->verdict = verdict_new(report->analysis)))
		goto fail;
	for (size_t i = 0; i < COUNT; i++) {
		struct section *section = &report->sections[report->section_count];

		if (options->sections && !is_listed(options->sections, kinds[i].name))
			continue;
		report->section_count++;
		*section = (struct section){
			.name = kinds[i].name, .title = kinds[i].title, .empty = kinds[i].empty};
		if (kinds[i].build(&context, section) || table_failed(section->table) ||
			section->notes.failed)
			goto fail;
		table_limit(section->table, section->whole ? 0 : options->top);
	}
	return report;
fail:
	report_free(report);
	errno = ENOMEM;
	return NULL;
}

void report_free(struct report *report)
{
	if (!report)
		return;
	for (size_t i = 0; i < report->section_count; i++) {
		table_free(report->sections[i].table);
		buf_free(&report->sections[i].notes);
	}
	free(report->sections);
	free(report->verdict);
	analysis_free(report->analysis);
	free(report);
}
