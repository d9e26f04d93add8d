/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ragtime coldstart: starts a program several times and says which stage takes how long. Stands
 * here and not with the loader, as what it does to the target is done by `ragtime run`.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/coldstart/measure.h"
#include "analysis/coldstart/page.h"
#include "analysis/coldstart/saved.h"
#include "analysis/coldstart/screen.h"
#include "analysis/output.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/units.h"

#define RUNS_DEFAULT 5
#define RUNS_MAX 1000
#define TIMEOUT_DEFAULT (120 * 1000000000ll)
#define THRESHOLD_DEFAULT 1.2
#define EXIT_GATE 1
#define EXIT_INCONCLUSIVE 3

enum {
	KEY_COLD = 256,
	KEY_WARM,
	KEY_READY,
	KEY_BASELINE,
	KEY_THRESHOLD,
	KEY_TARGETS,
	KEY_TIMEOUT,
	KEY_COMPARE,
	KEY_KEEP,
	KEY_FUNC,
	KEY_SHOW,
	KEY_HTML,
};

static const struct argp_option option_table[] = {
	{"runs", 'n', "N", 0,
		"How often to start it (default 5), after a first start that is not measured", 0},
	{"warm", KEY_WARM, NULL, 0, "With its files in memory (the default)", 0},
	{"cold", KEY_COLD, NULL, 0,
		"Drop the files that it touches from the page cache before each start; those alone, "
		"and what it could not drop is told",
		0},
	{"ready", KEY_READY, "WHEN", 0,
		"When a start is over: auto (it listens, or ends), listen[:PORT], http:[PORT]/PATH, "
		"first-inference, func:[LIBRARY:]PATTERN, exit",
		0},
	{"timeout", KEY_TIMEOUT, "TIME", 0, "How long a start may take (default 120s)", 0},
	{"baseline", KEY_BASELINE, "FILE", 0, "Compare with a saved result", 0},
	{"threshold", KEY_THRESHOLD, "RATIO", 0, "How much slower is too much (default 1.2)", 0},
	{"targets", KEY_TARGETS, "FILE", 0,
		"Lines 'name: value' of total, import, model_init, first_encode, memory; one that is "
		"missed fails the command",
		0},
	{"output", 'o', "FILE", 0, "Save the result, for --baseline and --compare", 0},
	{"json", 'j', NULL, 0, "Print the result as JSON", 0},
	{"html", KEY_HTML, "FILE", 0,
		"Write the result as a page for a browser, which needs nothing else", 0},
	{"compare", KEY_COMPARE, NULL, 0, "Compare two saved results, and start nothing", 0},
	{"func", KEY_FUNC, "LIBRARY:FUNCTION", 0, "Record these functions too, as ragtime run does",
		0},
	{"keep", KEY_KEEP, "FOLDER", 0, "Keep the traces there", 0},
	{"show-output", KEY_SHOW, NULL, 0, "Let the program write to standard error", 0},
	{0},
};

static const char usage_text[] = "[--] PROGRAM [ARGUMENT...]\n--compare BEFORE AFTER";
static const char help_text[] =
	"Starts a program several times and says how long each stage of its start takes: exec and "
	"linking, the interpreter, imports, weights, tokenizer, compiling, the first inference. Every "
	"moment belongs to one stage.\v"
	"Examples:\n"
	"  ragtime coldstart -- python3 embed.py\n"
	"  ragtime coldstart --cold -n 10 --ready listen:8000 -- uvicorn app:app --port 8000\n"
	"  ragtime coldstart --ready http:/health -o after.json --baseline before.json -- ./serve\n"
	"  ragtime coldstart --html start.html --ready first-inference -- python3 serve.py\n"
	"  ragtime coldstart --compare before.json after.json\n\n"
	"Exit status: 0 done; 1 slower than the baseline beyond the threshold, or a target of "
	"--targets was missed, or ragtime failed; 2 wrong usage; 3 too noisy, or too few starts, to "
	"say; 4 the program failed or was never ready.";

struct options {
	struct measure_plan plan;
	const char *baseline, *targets, *output, *html;
	char *run_options[64];
	size_t run_option_count;
	char *any_library; /* "*:FUNCTION", of --ready func: */
	double threshold;
	bool compare, json;
	char **words;
	int word_count;
};

static size_t parse_runs(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || *text == '-' || !value || value > RUNS_MAX)
		argp_error(state, "--runs '%s' is not a number from 1 to %d", text, RUNS_MAX);
	return value;
}

static double parse_threshold(const char *text, struct argp_state *state)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value > 1) || !isfinite(value))
		argp_error(state, "--threshold '%s' is not a ratio above 1, as in 1.2", text);
	return value;
}

static void add_run_option(
	struct options *options, struct argp_state *state, char *name, char *text)
{
	if (options->run_option_count + 3 > sizeof(options->run_options) / sizeof(char *))
		argp_error(state, "%s was given too often", name);
	options->run_options[options->run_option_count++] = name;
	options->run_options[options->run_option_count++] = text;
}

static void parse_ready(struct options *options, struct argp_state *state, const char *text)
{
	const char *fault = ready_parse(text, &options->plan.ready);

	if (fault)
		argp_error(state, "--ready '%s': %s", text, fault);
}

/* What is waited for has to be recorded: of a library, else of Python or of the program itself. */
static void record_function(struct options *options, struct argp_state *state)
{
	struct ready *ready = &options->plan.ready;
	char *native = (char *)ready->pattern;

	if (strchr(native, ':')) {
		ready->pattern = strchr(native, ':') + 1;
	} else {
		add_run_option(options, state, "--py", native);
		if (strchr(native, '.'))
			return;
		if (asprintf(&options->any_library, "*:%s", native) < 0)
			argp_failure(state, EXIT_GATE, 0, "out of memory");
		native = options->any_library;
	}
	add_run_option(options, state, "--func", native);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'n':
		options->plan.runs = parse_runs(text, state);
		break;
	case 'o':
		options->output = text;
		break;
	case 'j':
		options->json = true;
		break;
	case KEY_COLD:
	case KEY_WARM:
		options->plan.cold = key == KEY_COLD;
		break;
	case KEY_READY:
		parse_ready(options, state, text);
		break;
	case KEY_TIMEOUT:
		if (units_parse_duration(text, 1000000000, &options->plan.timeout_ns) ||
			options->plan.timeout_ns <= 0)
			argp_error(state, "--timeout '%s' is not a time such as 60s", text);
		break;
	case KEY_BASELINE:
		options->baseline = text;
		break;
	case KEY_THRESHOLD:
		options->threshold = parse_threshold(text, state);
		break;
	case KEY_TARGETS:
		options->targets = text;
		break;
	case KEY_HTML:
		options->html = text;
		break;
	case KEY_COMPARE:
		options->compare = true;
		break;
	case KEY_KEEP:
		options->plan.keep = text;
		break;
	case KEY_FUNC:
		add_run_option(options, state, "--func", text);
		break;
	case KEY_SHOW:
		options->plan.show_output = true;
		break;
	case ARGP_KEY_ARGS:
		options->words = state->argv + state->next;
		options->word_count = state->argc - state->next;
		break;
	case ARGP_KEY_END:
		if (options->compare && options->word_count != 2)
			argp_error(state, "--compare takes two saved results, BEFORE and AFTER");
		if (options->plan.ready.kind == READY_FUNCTION)
			record_function(options, state);
		if (options->compare && (options->html || options->output))
			argp_error(state, "--compare prints; --html and --output are of starts");
		if (!options->word_count)
			argp_error(state,
				"which program? As in: ragtime coldstart -- python3 embed.py");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* To a file, or where `path` is NULL to standard output. */
static int put(const char *path, const struct buf *text)
{
	struct output out = {0};
	int err = output_open(&out, path);

	if (!err) {
		buf_append(&out.bytes, text->data, text->size);
		err = output_finish(&out);
	}
	if (err)
		log_error("cannot write the result to %s: %s", path ? path : "standard output",
			strerror(-err));
	return err ? EXIT_GATE : 0;
}

static int exit_code_of(enum change verdict)
{
	return verdict == CHANGE_BLOCKED	 ? EXIT_GATE
		: verdict == CHANGE_INCONCLUSIVE ? EXIT_INCONCLUSIVE
						 : 0;
}

/* Targets decide only where the user named them. */
static int exit_code_of_targets(const struct targets *targets, const struct result *result)
{
	int code = 0;

	for (size_t i = 0; i < TARGET_COUNT && targets->named; i++) {
		enum target_outcome outcome = target_judge(targets, i, result).outcome;

		if (outcome == TARGET_MISSED)
			return EXIT_GATE;
		if (outcome == TARGET_UNSURE)
			code = EXIT_INCONCLUSIVE;
	}
	return code;
}

static const char *verdict_of(int code)
{
	return code == EXIT_GATE ? "fail" : code == EXIT_INCONCLUSIVE ? "inconclusive" : "pass";
}

static int compare_saved(const struct options *options)
{
	struct result before, after = {0};
	struct comparison comparison;
	struct buf text = {0};
	int status = EXIT_GATE;

	if (saved_read(options->words[0], &before) && saved_read(options->words[1], &after)) {
		compare_results(&before, &after, options->threshold, &comparison);
		if (options->json)
			saved_write_comparison(&text, &comparison);
		else
			screen_compare(&text, &comparison);
		status = put(NULL, &text);
		status = status ? status : exit_code_of(comparison.verdict);
	}
	buf_free(&text);
	result_free(&before);
	result_free(&after);
	return status;
}

static int show(
	const struct options *options, const struct result *result, const struct standing *standing)
{
	struct buf text = {0}, saved = {0}, page = {0};
	int status = 0;

	saved_write(&saved, result, standing);
	if (!options->json)
		screen_write(&text, result, standing);
	if (options->html)
		page_write(&page, result, &saved);
	if (options->output)
		status = put(options->output, &saved);
	if (!status && options->html)
		status = put(options->html, &page);
	if (!status)
		status = put(NULL, options->json ? &saved : &text);
	buf_free(&text);
	buf_free(&saved);
	buf_free(&page);
	return status;
}

static int measure_and_show(struct options *options, struct targets *targets)
{
	struct result result = {0}, baseline = {0};
	struct comparison comparison;
	struct standing standing = {.targets = targets};
	char ready[256];
	int status = 0, gate = 0;

	if (options->baseline && !saved_read(options->baseline, &baseline))
		return EXIT_GATE;
	ready_describe(&options->plan.ready, ready, sizeof(ready));
	result.command = strdup(options->words[0]);
	result.ready = strdup(ready);
	status = measure(&options->plan, &result);
	if (!status) {
		gate = exit_code_of_targets(targets, &result);
		if (options->baseline) {
			compare_results(&baseline, &result, options->threshold, &comparison);
			standing.comparison = &comparison;
			if (gate != EXIT_GATE && exit_code_of(comparison.verdict))
				gate = exit_code_of(comparison.verdict);
		}
		standing.verdict = verdict_of(gate);
		status = show(options, &result, &standing);
	}
	result_free(&result);
	result_free(&baseline);
	return status ? status : gate;
}

int cmd_coldstart(int argc, char **argv)
{
	static const struct argp argp = {
		option_table, parse, usage_text, help_text, NULL, NULL, NULL};
	struct options options = {
		.plan = {.runs = RUNS_DEFAULT, .timeout_ns = TIMEOUT_DEFAULT},
		.threshold = THRESHOLD_DEFAULT,
	};
	struct targets targets;
	int status = EXIT_GATE;

	argp_err_exit_status = 2;
	argv[0] = "ragtime coldstart";
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &options);
	if (options.compare)
		return compare_saved(&options);
	options.plan.command = options.words;
	options.plan.run_options = options.run_options;
	targets_default(&targets);
	if (!options.targets || targets_read(&targets, options.targets))
		status = measure_and_show(&options, &targets);
	free(options.any_library);
	return status;
}
