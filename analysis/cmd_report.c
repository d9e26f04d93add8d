/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime report: says where the time went. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "analysis/input.h"
#include "analysis/views/view.h"
#include "lib/command.h"
#include "lib/log.h"

#define DEFAULT_TOP 15

struct options {
	struct report_options report;
	const char *format, *output;
	char **inputs;
	int input_count;
};

static const struct argp_option option_table[] = {
	{"format", 'F', "FORM", 0,
		"text, json, markdown, or html: one page for a browser, which needs no network", 0},
	{"json", 'j', NULL, 0,
		"The same as --format json: all rows of all sections, times in ns, unknown is null",
		0},
	{"output", 'o', "FILE", 0, "Write there instead of to standard output", 0},
	{"top", 't', "N", 0, "Rows a table; 0 is all (default 15)", 0},
	{"section", 's', "NAMES", 0,
		"Only these parts, with commas between: path findings whatif tail waits exchanges llm stores "
		"operations connections files names locks threads processes counted cost losses",
		0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	char unknown[64], *end;

	switch (key) {
	case 'F':
		if (!view_find(text))
			argp_error(state,
				"there is no form '%s': text, json, markdown and html are", text);
		options->format = text;
		break;
	case 'j':
		options->format = "json";
		break;
	case 'o':
		options->output = text;
		break;
	case 't':
		options->report.top = strtoul(text, &end, 10);
		if (end == text || *end || *text == '-')
			argp_error(state, "--top takes a number, not '%s'", text);
		break;
	case 's':
		if (!report_knows(text, unknown, sizeof(unknown)))
			argp_error(state, "the report has no section '%s'; --help lists them",
				unknown);
		options->report.sections = text;
		break;
	case ARGP_KEY_ARGS:
		options->inputs = state->argv + state->next;
		options->input_count = state->argc - state->next;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

struct work {
	const struct options *options;
	const struct view *view;
	struct page page;
};

static int report_model(struct model *model, const char *name, void *context)
{
	struct work *work = context;
	size_t count;
	struct run *runs = model_runs(model, &count);
	int status = 0;

	for (size_t i = 0; i < count && !status; i++) {
		struct report *report = report_new(model, name, &runs[i], &work->options->report);

		if (report) {
			work->view->report(&work->page, report);
		} else {
			log_error("cannot report on %s: out of memory", name);
			status = 1;
		}
		report_free(report);
	}
	model_runs_free(runs, count);
	return status;
}

int cmd_report(int argc, char **argv)
{
	static const struct argp argp = {option_table, parse, "[FILE...]",
		"Says where the wall time of a run went: waits by kind, operations, connections, files, "
		"locks, threads; and at the foot what tracing cost and what was lost.\v"
		"FILE is a trace, a database made by 'ragtime decode', or - for standard input. "
		"Without one it is the newest run in the state folder. The same file gives the same "
		"bytes.\n\n"
		"Examples:\n"
		"  ragtime report                        the newest run\n"
		"  ragtime report rag.rtrace --top 5\n"
		"  ragtime report -s waits,threads rag.rtrace\n"
		"  ragtime report --format html -o rag.html rag.rtrace\n"
		"  ragtime report --json rag.db | jq '.runs[0].sections.operations[0]'",
		NULL, NULL, NULL};
	struct options options = {.report.top = DEFAULT_TOP, .format = "text"};
	struct work work = {.options = &options};
	struct analysis_settings settings;
	char error[512];
	int status, err;

	argp_err_exit_status = 2;
	argv[0] = "ragtime report";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (analysis_settings_load(&settings, error, sizeof(error))) {
		log_error("%s", error);
		return 2;
	}
	options.report.settings = &settings;
	err = output_open(&work.page.out, options.output);
	if (err) {
		log_error("cannot write %s: %s", options.output, strerror(-err));
		analysis_settings_free(&settings);
		return 1;
	}
	work.view = view_find(options.format);
	if (work.view->begin)
		work.view->begin(&work.page);
	status = input_each(options.inputs, options.input_count,
		strcmp(options.format, "html") ? "none" : "auto", report_model, &work);
	if (work.view->end)
		work.view->end(&work.page);
	err = page_finish(&work.page);
	analysis_settings_free(&settings);
	if (err)
		log_error("cannot write the report: %s", strerror(-err));
	return status ? status : err ? 1 : 0;
}
