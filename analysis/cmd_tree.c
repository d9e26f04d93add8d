/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime tree: shows calls as indented trees with durations. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/input.h"
#include "analysis/views/view.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/units.h"

#define DEFAULT_TOP 25

struct options {
	struct tree_options tree;
	regex_t expression;
	bool json, evidence;
	char **inputs;
	int input_count;
};

enum { OPTION_PID = 256, OPTION_EVIDENCE, OPTION_IO, OPTION_REQUESTS };

static const struct argp_option option_table[] = {
	{"min", 'm', "TIME", 0,
		"Leave out lines shorter than this: 250us, 1ms, 2s (a number alone is ms)", 0},
	{"depth", 'd', "N", 0,
		"Show calls down to this depth below their thread; 0 is all (default)", 0},
	{"grep", 'g', "REGEX", 0,
		"Only calls whose name, module or object matches, with what is around and inside them",
		0},
	{"top", 't', "N", 0, "Lines below one call or thread, the longest; 0 is all (default 25)",
		0},
	{"thread", 'T', "TID", 0, "Only this thread", 0},
	{"pid", OPTION_PID, "PID", 0, "Only this process", 0},
	{"evidence", OPTION_EVIDENCE, NULL, 0, "Say why each call has its parent", 0},
	{"requests", OPTION_REQUESTS, NULL, 0,
		"Only requests and their answers, with what is around and inside them", 0},
	{"io", OPTION_IO, NULL, 0, "Also the reads and writes that carried requests and answers",
		0},
	{"json", 'j', NULL, 0, "Print JSON: the same lines, times in ns, unknown is null", 0},
	{0},
};

static int64_t parse_number(struct argp_state *state, const char *what, const char *text)
{
	char *end;
	long long value = strtoll(text, &end, 10);

	if (end == text || *end || value < 0)
		argp_error(state, "--%s takes a number, not '%s'", what, text);
	return value;
}

static void parse_expression(struct argp_state *state, struct options *options, const char *text)
{
	char error[128];
	int code = regcomp(&options->expression, text, REG_EXTENDED | REG_NOSUB);

	if (code) {
		regerror(code, &options->expression, error, sizeof(error));
		argp_error(state, "--grep: '%s' is no regular expression: %s", text, error);
	}
	options->tree.grep = &options->expression;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'm':
		if (units_parse_duration(text, 1000000, &options->tree.min_ns))
			argp_error(
				state, "--min takes a time like 250us, 1ms or 2s, not '%s'", text);
		break;
	case 'd':
		options->tree.depth = parse_number(state, "depth", text);
		break;
	case 'g':
		parse_expression(state, options, text);
		break;
	case 't':
		options->tree.top = parse_number(state, "top", text);
		break;
	case 'T':
		options->tree.tid = parse_number(state, "thread", text);
		break;
	case OPTION_PID:
		options->tree.pid = parse_number(state, "pid", text);
		break;
	case OPTION_IO:
		options->tree.io = true;
		break;
	case OPTION_REQUESTS:
		options->tree.requests = true;
		break;
	case OPTION_EVIDENCE:
		options->evidence = true;
		break;
	case 'j':
		options->json = true;
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
	bool any; /* a line was shown */
};

static void open_line(void *context, const struct tree_line *line)
{
	struct work *work = context;

	work->any = true;
	work->view->tree_open(&work->page, line);
}

static void close_line(void *context, const struct tree_line *line)
{
	struct work *work = context;

	work->view->tree_close(&work->page, line);
}

static int show_model(struct model *model, const char *name, void *context)
{
	struct work *work = context;
	struct tree_sink sink = {open_line, close_line, work};
	size_t count;
	struct run *runs = model_runs(model, &count);
	int err = 0;

	for (size_t i = 0; i < count && !err && !work->page.out.error; i++) {
		work->view->tree_begin(&work->page, name, &runs[i]);
		err = tree_walk(model, &runs[i], &work->options->tree, &sink);
		work->view->tree_end(&work->page);
	}
	if (err)
		log_error("cannot show %s: %s", name, strerror(-err));
	model_runs_free(runs, count);
	return err ? 1 : 0;
}

int cmd_tree(int argc, char **argv)
{
	static const struct argp argp = {option_table, parse, "[FILE...]",
		"Shows the calls of a run inside one another, process by process and thread by thread, "
		"each with its duration and its share of the thread's life. Equal neighbours share a "
		"line.\v"
		"FILE is a trace, a database made by 'ragtime decode', or - for standard input. "
		"Without one it is the newest run in the state folder.\n\n"
		"Examples:\n"
		"  ragtime tree                          the newest run\n"
		"  ragtime tree --min 5ms --depth 3 rag.rtrace\n"
		"  ragtime tree --requests rag.rtrace\n"
		"  ragtime tree --grep 'SSL_|:443' rag.rtrace\n"
		"  ragtime tree --thread 4711 --top 0 rag.db",
		NULL, NULL, NULL};
	struct options options = {.tree.top = DEFAULT_TOP};
	struct work work = {.options = &options, .page.out.fd = STDOUT_FILENO};
	int status, err;

	argp_err_exit_status = 2;
	argv[0] = "ragtime tree";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	work.view = view_find(options.json ? "json" : "text");
	work.page.evidence = options.evidence;
	work.view->begin(&work.page);
	status = input_each(options.inputs, options.input_count, "auto", show_model, &work);
	work.view->end(&work.page);
	err = page_finish(&work.page);
	if (!status && !err && !work.any)
		log_note("there is no call that these options let through");
	if (err)
		log_error("cannot write the tree: %s", strerror(-err));
	if (options.tree.grep)
		regfree(&options.expression);
	return status ? status : err ? 1 : 0;
}
