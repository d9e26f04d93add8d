/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report of one run: facts, then sections in the order of sections.def, each a table and notes.
 * Views turn it into text or JSON.
 *
 * To add a section: sections/section_X.c with `int section_X(...)`, and its line in sections.def.
 */
#ifndef ANALYSIS_REPORT_H
#define ANALYSIS_REPORT_H

#include "analysis/model.h"
#include "lib/table.h"

struct section {
	const char *name;  /* in JSON and for --section */
	const char *title; /* over its table */
	const char *empty; /* what to say where there are no rows; NULL: leave the section out */
	struct table *table;
	struct buf notes; /* lines of text below the table */
	bool whole;	  /* its rows belong together: --top does not cut them */
};

struct analysis;
struct analysis_settings;

struct section_context {
	struct model *model;
	const struct run *run;
	const struct analysis *analysis;
};

/* Fills in section->table and, where there is more to say, section->notes. 0 or -errno. */
typedef int section_fn(const struct section_context *context, struct section *section);

/*
 * For a section that is one query: its columns are those of the table in the same order, its
 * parameter is the run. Sorted by column `sort`. 0 or -errno.
 */
int section_fill(const struct section_context *context, struct section *section,
	const struct table_column *columns, const char *sql, unsigned sort);

#define SECTION(name, title, empty) section_fn section_##name;
#include "analysis/sections/sections.def"
#undef SECTION

struct report_options {
	const char *sections; /* names with commas between; NULL: all */
	size_t top;	      /* rows a table in text; 0: all */
	const struct analysis_settings *settings;
};

struct report {
	const char *input;
	struct model *model;
	const struct run *run;
	struct analysis *analysis;
	int64_t processes, threads, calls, counted_calls, sampled_calls;
	char *verdict; /* lines "key: text"; NULL where only some sections are asked for */
	struct section *sections;
	size_t section_count;
};

/* True where all names of a list are sections; else `unknown` is the first that is none. */
bool report_knows(const char *sections, char *unknown, size_t size);

/* NULL when memory is out. Failures of queries stand in model_error. */
struct report *report_new(struct model *model, const char *input, const struct run *run,
	const struct report_options *options);
void report_free(struct report *report);

#endif
