/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime info: says what a trace holds, what it cost and what was lost. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/await.h"
#include "decoder/info.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/state.h"

#define UNTIL_MAX 64

enum { OPTION_UNTIL = 256 };

struct options {
	bool json;
	char **inputs;
	int input_count;
	const char *until[UNTIL_MAX];
	size_t until_count;
};

static const struct argp_option option_table[] = {
	{"json", 'j', NULL, 0, "Print JSON, an array of one object a run; unknown is null", 0},
	{"until", OPTION_UNTIL, "PATTERN", 0,
		"Print nothing, but wait until FILE, which is still being written, holds a call of a "
		"function of such a name that is over; may be given again",
		0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'j':
		options->json = true;
		break;
	case OPTION_UNTIL:
		if (options->until_count == UNTIL_MAX)
			argp_error(state, "--until was given more than %d times", UNTIL_MAX);
		options->until[options->until_count++] = text;
		break;
	case ARGP_KEY_ARGS:
		options->inputs = state->argv + state->next;
		options->input_count = state->argc - state->next;
		break;
	case ARGP_KEY_END:
		if (options->until_count && options->input_count != 1)
			argp_error(state, "--until waits for one FILE");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int wait_until(const struct options *options)
{
	struct trace_error error;
	int found = await_call(options->inputs[0], options->until, options->until_count, &error);

	if (found < 0)
		log_error("%s", error.text);
	else if (!found)
		log_error("the trace '%s' has ended without such a call", options->inputs[0]);
	return found != 1;
}

static int tell_run(const char *const *paths, size_t count, struct info_page *page)
{
	struct trace_error error;
	struct trace_reader *reader = trace_reader_open(paths, count, &error);
	struct summary summary;
	int err;

	if (!reader) {
		log_error("%s", error.text);
		return 1;
	}
	err = summary_read(&summary, reader);
	if (summary.texts)
		info_add(page, paths[0], &summary);
	if (err)
		log_error("reading '%s' ended early: %s", paths[0],
			err == -EBADMSG ? "it is damaged beyond use" : strerror(-err));
	summary_free(&summary);
	trace_reader_free(reader);
	return err != 0;
}

/* Parts of one run are told of together, wherever they stand among the arguments. */
static int tell_all(const char **paths, size_t count, struct info_page *page)
{
	int status = 0;

	for (size_t first = 0, end; first < count; first = end) {
		struct trace_error error;
		uint8_t run[16], other[16];

		end = first + 1;
		if (trace_run_of(paths[first], run, &error)) {
			log_error("%s", error.text);
			status = 1;
			continue;
		}
		for (size_t i = end; i < count; i++) {
			const char *path = paths[i];

			if (!strcmp(path, "-") || trace_run_of(path, other, &error) ||
				memcmp(run, other, sizeof(run)))
				continue;
			memmove(&paths[end + 1], &paths[end], (i - end) * sizeof(*paths));
			paths[end++] = path;
		}
		status |= tell_run(paths + first, end - first, page);
	}
	return status;
}

static int tell_newest(struct info_page *page)
{
	char newest[4096];
	const char *path = newest;

	if (state_newest(newest, sizeof(newest))) {
		log_error("there is no trace in the state folder: name a FILE, or record one with "
			  "'ragtime run -- COMMAND'");
		return 1;
	}
	return tell_all(&path, 1, page);
}

int cmd_info(int argc, char **argv)
{
	static const struct argp argp = {option_table, parse, "[FILE...]",
		"Says what a trace holds: the run, its size and cost per call, how it ended, and "
		"everything that was lost, by reason and thread.\v"
		"FILE is a trace, finished or not, or - for standard input. Parts of one rotated "
		"trace are told of together; naming one is enough. Without a FILE it is the newest "
		"run in the state folder.\n\n"
		"Examples:\n"
		"  ragtime info                          the newest run\n"
		"  ragtime info rag.rtrace\n"
		"  ragtime run -o fd:3 -- ./app 3>&1 >app.out | ragtime info -\n"
		"  ragtime info --json rag.rtrace | jq '.[0].lost'\n"
		"  ragtime info --until '*.encode' rag.rtrace   wait for the first of them",
		NULL, NULL, NULL};
	struct options options = {0};
	struct info_page page = {0};
	int status;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (options.until_count)
		return wait_until(&options);
	info_begin(&page, options.json);
	status = options.input_count
		? tell_all((const char **)options.inputs, (size_t)options.input_count, &page)
		: tell_newest(&page);
	info_end(&page);
	if (page.out.failed) {
		log_error("out of memory");
		status = 1;
	} else if (fwrite(page.out.data, 1, page.out.size, stdout) != page.out.size ||
		fflush(stdout)) {
		log_error("cannot write to standard output: %s", strerror(errno));
		status = 1;
	}
	buf_free(&page.out);
	return status;
}
