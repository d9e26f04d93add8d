/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime export: writes a trace in another tool's format. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "analysis/exports/exporter.h"
#include "analysis/input.h"
#include "lib/command.h"
#include "lib/log.h"

struct options {
	const struct exporter *exporter;
	const char *output;
	enum semconv semconv;
	char **inputs;
	int input_count;
};

enum { OPTION_SEMCONV = 256 };

static const struct argp_option option_table[] = {
	{"to", 't', "FORMAT", 0,
		"chrome (Perfetto, chrome://tracing), perfetto (its protobuf), speedscope, folded "
		"(flame graphs), pprof, otlp (OpenTelemetry), openmetrics (Prometheus), "
		"timing-records or json (one object a line)",
		0},
	{"semconv", OPTION_SEMCONV, "SET", 0,
		"Attributes of generative AI as OpenTelemetry's '1.41' or 'latest' set names them; "
		"without it as 'ragtime schema json' does, or as OTEL_SEMCONV_STABILITY_OPT_IN asks",
		0},
	{"output", 'o', "FILE", 0, "Write there instead of to standard output", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 't':
		options->exporter = exporter_find(text);
		if (!options->exporter)
			argp_error(state, "there is no format '%s'; --help lists them", text);
		break;
	case OPTION_SEMCONV:
		if (!semconv_find(text, &options->semconv))
			argp_error(state, "there is no set '%s': 1.41 or latest", text);
		break;
	case 'o':
		options->output = text;
		break;
	case ARGP_KEY_ARGS:
		options->inputs = state->argv + state->next;
		options->input_count = state->argc - state->next;
		break;
	case ARGP_KEY_END:
		if (!options->exporter)
			argp_error(state, "--to is missing: the format; --help lists them");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

struct work {
	const struct exporter *exporter;
	struct export export;
};

static int export_model(struct model *model, const char *name, void *context)
{
	struct work *work = context;
	size_t count;
	struct run *runs = model_runs(model, &count);
	int err = 0;

	for (size_t i = 0; i < count && !err && !work->export.out.error; i++)
		err = work->exporter->run(&work->export, model, &runs[i]);
	model_runs_free(runs, count);
	if (err)
		log_error("cannot export %s: %s", name, strerror(-err));
	return err ? 1 : 0;
}

int cmd_export(int argc, char **argv)
{
	static const struct argp argp = {option_table, parse, "--to FORMAT [FILE...]",
		"Writes runs in another tool's format.\v"
		"FILE is a trace, a database made by 'ragtime decode', or - for standard input. "
		"Without one it is the newest run in the state folder. Times are of the monotonic "
		"clock; the json header's epoch_ns added to one gives UTC.\n\n"
		"Examples:\n"
		"  ragtime export --to chrome -o trace.json      the newest run, for Perfetto\n"
		"  ragtime export --to folded rag.rtrace | flamegraph.pl >rag.svg\n"
		"  ragtime export --to otlp rag.rtrace | curl -H content-type:application/json "
		"--data-binary @- localhost:4318/v1/traces\n"
		"  ragtime export --to json rag.db | jq -c 'select(.status == \"error\")'",
		NULL, NULL, NULL};
	struct options options = {.semconv = semconv_default()};
	struct work work = {0};
	int status, err;

	argp_err_exit_status = 2;
	argv[0] = "ragtime export";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	work.exporter = options.exporter;
	work.export.semconv = options.semconv;
	err = output_open(&work.export.out, options.output);
	if (err) {
		log_error("cannot write %s: %s", options.output, strerror(-err));
		return 1;
	}
	if (work.exporter->begin)
		work.exporter->begin(&work.export);
	status = input_each(
		options.inputs, options.input_count, work.exporter->rows, export_model, &work);
	if (work.exporter->end)
		work.exporter->end(&work.export);
	err = output_finish(&work.export.out);
	if (err)
		log_error("cannot write %s: %s",
			options.output ? options.output : "standard output", strerror(-err));
	return status ? status : err ? 1 : 0;
}
