/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime check: finds what costs time, and fails where it is bad enough. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/checks/check.h"
#include "analysis/input.h"
#include "analysis/rules/suppressions.h"
#include "lib/command.h"
#include "lib/embedded.h"
#include "lib/log.h"

#define SETS_MAX 64

enum { OPTION_EXPLAIN = 256, OPTION_RULES, OPTION_THRESHOLDS, OPTION_SET };

struct options {
	const struct check_form *form;
	const char *suppress, *sets[SETS_MAX];
	int set_count;
	enum severity fail_on;
	bool never_fails, explain, list_rules, list_thresholds;
	char **inputs;
	int input_count;
};

static const struct argp_option option_table[] = {
	{"fail-on", 'f', "SEVERITY", 0,
		"Exit with 1 where a finding is this severe or more: low, medium, high, critical, or "
		"never (default medium)",
		0},
	{"format", 'F', "FORM", 0, "text, json, markdown, sarif or junit (default text)", 0},
	{"json", 'j', NULL, 0, "The same as --format json", 0},
	{"suppress", 's', "FILE", 0,
		"Leave out findings that FILE names: a line each, a fingerprint or 'rule NAME', and "
		"why",
		0},
	{"set", OPTION_SET, "RULE.NAME=NUMBER", 0, "Another threshold; may be given again", 0},
	{"explain", OPTION_EXPLAIN, NULL, 0, "Show formulas with their numbers", 0},
	{"rules", OPTION_RULES, NULL, 0, "List the detectors", 0},
	{"thresholds", OPTION_THRESHOLDS, NULL, 0, "Print the shipped thresholds as YAML", 0},
	{0},
};

static void set_fail_on(struct options *options, const char *text, struct argp_state *state)
{
	int severity = severity_of(text);

	options->never_fails = !strcmp(text, "never");
	if (severity >= 0)
		options->fail_on = (enum severity)severity;
	else if (!options->never_fails)
		argp_error(
			state, "--fail-on is low, medium, high, critical or never, not '%s'", text);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'f':
		set_fail_on(options, text, state);
		break;
	case 'j':
		options->form = check_find("json");
		break;
	case 'F':
		options->form = check_find(text);
		if (!options->form)
			argp_error(state,
				"there is no form '%s': text, json, markdown, sarif and junit are",
				text);
		break;
	case 's':
		options->suppress = text;
		break;
	case OPTION_SET:
		if (options->set_count == SETS_MAX)
			argp_error(state, "more than %d --set; write a file", SETS_MAX);
		options->sets[options->set_count++] = text;
		break;
	case OPTION_EXPLAIN:
		options->explain = true;
		break;
	case OPTION_RULES:
		options->list_rules = true;
		break;
	case OPTION_THRESHOLDS:
		options->list_thresholds = true;
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
	const struct check_form *form;
	struct analysis_settings settings;
	struct suppressions suppressions;
	struct check check;
};

static void check_analysis(struct work *work, struct checked *checked)
{
	const struct findings *findings = &checked->analysis->findings;

	for (uint32_t i = 0; i < findings->count; i++) {
		const struct finding *finding = findings->list[i];

		if (suppressions_hold(&work->suppressions, finding)) {
			checked->suppressed++;
			continue;
		}
		checked->findings[checked->count++] = finding;
		work->check.failing += check_fails(&work->check, finding);
	}
	work->check.total += checked->count;
	work->check.suppressed += checked->suppressed;
	work->check.runs++;
	work->form->run(&work->check, checked);
}

static int check_run(
	struct work *work, struct model *model, const char *name, const struct run *run)
{
	struct analysis *analysis = analysis_new(model, run, &work->settings);
	struct checked checked = {.input = name, .run = run, .analysis = analysis};

	if (analysis)
		checked.findings = calloc(analysis->findings.count + 1, sizeof(*checked.findings));
	if (checked.findings)
		check_analysis(work, &checked);
	else
		log_error("cannot check %s: out of memory", name);
	free(checked.findings);
	analysis_free(analysis);
	return checked.findings ? 0 : 1;
}

static int check_model(struct model *model, const char *name, void *context)
{
	size_t count;
	struct run *runs = model_runs(model, &count);
	int status = 0;

	for (size_t i = 0; i < count && !status; i++)
		status = check_run(context, model, name, &runs[i]);
	model_runs_free(runs, count);
	return status;
}

/* 0, or the exit code of a wrong setting. */
static int load(struct work *work, const struct options *options)
{
	char error[512];

	if (analysis_settings_load(&work->settings, error, sizeof(error)))
		goto fail;
	for (int i = 0; i < options->set_count; i++) {
		if (!thresholds_set(
			    work->settings.thresholds, options->sets[i], error, sizeof(error)))
			goto fail;
	}
	if (options->suppress &&
		suppressions_read(&work->suppressions, options->suppress, error, sizeof(error)))
		goto fail;
	return 0;
fail:
	log_error("%s", error);
	return 2;
}

static void warn_of_unused(const struct work *work, const char *path)
{
	for (size_t i = 0; i < work->suppressions.count; i++) {
		if (!work->suppressions.list[i].is_used)
			log_note("%s:%zu suppresses nothing here", path,
				work->suppressions.list[i].line);
	}
}

static int print_lists(const struct options *options)
{
	if (options->list_thresholds)
		fputs(embedded_find("data/thresholds.yaml")->text, stdout);
	for (unsigned i = 0; options->list_rules && rule_name_at(i); i++)
		printf("%-22s %s\n", rule_name_at(i), rule_title(rule_name_at(i)));
	return fflush(stdout) ? 1 : 0;
}

static int check_inputs(struct work *work, const struct options *options)
{
	int status, err;

	if (work->form->begin)
		work->form->begin(&work->check);
	status = input_each(options->inputs, options->input_count, "none", check_model, work);
	if (work->form->end)
		work->form->end(&work->check);
	err = output_finish(&work->check.out);
	if (err)
		log_error("cannot write the findings: %s", strerror(-err));
	if (options->suppress)
		warn_of_unused(work, options->suppress);
	return status ? status : err || work->check.failing ? 1 : 0;
}

int cmd_check(int argc, char **argv)
{
	static const struct argp argp = {option_table, parse, "[FILE...]",
		"Looks for what costs time in a run and says what to do about it, what that would "
		"save and how sure it is. Ends with 1 where a finding is severe enough.\v"
		"FILE is a trace, a database made by 'ragtime decode', or - for standard input. "
		"Without one it is the newest run in the state folder. Thresholds can be set in "
		"~/.config/ragtime/thresholds.yaml, advice in suggestions.yaml beside it.\n\n"
		"Examples:\n"
		"  ragtime check rag.rtrace\n"
		"  ragtime check --fail-on high --format markdown rag.rtrace\n"
		"  ragtime check --json rag.rtrace | jq '.[0].title'\n"
		"  ragtime check --set slow_stage.llm_generation_ms=4000 rag.rtrace",
		NULL, NULL, NULL};
	struct options options = {.form = check_find("text"), .fail_on = SEVERITY_MEDIUM};
	struct work work = {.check.out.fd = STDOUT_FILENO};
	int status;

	argp_err_exit_status = 2;
	argv[0] = "ragtime check";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (options.list_rules || options.list_thresholds)
		return print_lists(&options);
	work.form = options.form;
	work.check.fail_on = options.fail_on;
	work.check.never_fails = options.never_fails;
	work.check.explain = options.explain;
	status = load(&work, &options);
	if (!status)
		status = check_inputs(&work, &options);
	suppressions_free(&work.suppressions);
	analysis_settings_free(&work.settings);
	return status;
}
