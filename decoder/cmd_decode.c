/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime decode: turns traces into a database. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decoder/decode.h"
#include "decoder/weave.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/term.h"

#define DEFAULT_ROW_LIMIT 10000

int cmd_decode(int argc, char **argv);

enum { OPTION_ROWS = 256, OPTION_ROW_LIMIT, OPTION_APPEND, OPTION_JSON };

struct options {
	const char *output;
	const char *rows;
	uint32_t row_limit;
	bool append, json;
	const char **files;
	size_t file_count;
};

static const struct argp_option argp_options[] = {
	{"output", 'o', "DB", 0, "The database to write; fd:N writes to an open file", 0},
	{"rows", OPTION_ROWS, "all|auto|none", 0,
		"Which calls become rows of their own besides slow, failed and telling ones: "
		"all, the first of each kind and place (auto, the default), or none",
		0},
	{"row-limit", OPTION_ROW_LIMIT, "N", 0,
		"How many are the first, with --rows auto (default 10000)", 0},
	{"append", OPTION_APPEND, NULL, 0, "Keep the runs that are in DB already", 0},
	{"json", OPTION_JSON, NULL, 0, "Print what was done as JSON", 0},
	{0},
};

static bool parse_count(const char *text, uint32_t *count)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || number >= WEAVE_ALL_ROWS)
		return false;
	*count = (uint32_t)number;
	return true;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'o':
		options->output = arg;
		break;
	case OPTION_ROWS:
		if (strcmp(arg, "all") && strcmp(arg, "auto") && strcmp(arg, "none"))
			argp_error(state, "--rows is all, auto or none, not '%s'", arg);
		options->rows = arg;
		break;
	case OPTION_ROW_LIMIT:
		if (!parse_count(arg, &options->row_limit))
			argp_error(state, "--row-limit takes a number, not '%s'", arg);
		break;
	case OPTION_APPEND:
		options->append = true;
		break;
	case OPTION_JSON:
		options->json = true;
		break;
	case ARGP_KEY_ARGS:
		options->files = (const char **)state->argv + state->next;
		options->file_count = (size_t)(state->argc - state->next);
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which trace? Give a file, or - for standard input");
		break;
	case ARGP_KEY_END:
		if (!options->output)
			argp_error(state, "where to? Give -o DB");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.args_doc = "FILE...",
	.doc = "Turn a trace into a SQLite database.\v"
	       "Examples:\n"
	       "  ragtime decode app.rtrace -o app.db\n"
	       "  ragtime decode --rows all app.rtrace -o app.db     a row for every call\n"
	       "  ragtime decode monday.rtrace tuesday.rtrace -o week.db\n"
	       "  ssh host cat app.rtrace | ragtime decode - -o app.db\n\n"
	       "Every call is counted in the call tree (table fold). Slow, failed and telling "
	       "calls are rows of their own (table span), and so are the first of the others. "
	       "DB appears when it is whole; a failed decode leaves what was there.\n\n"
	       "Operation classes come from rules: yours in $RAGTIME_CLASSES, else "
	       "~/.config/ragtime/classes.yaml, are tried before those that are built in. "
	       "'ragtime classify' says which one decided.",
};

/*
 * The run a file belongs to: files of one run are decoded together. False: not known yet. A pipe is
 * left alone: who opens and closes it breaks it.
 */
static bool read_run(const char *path, uint8_t run[16])
{
	struct rt_file_header header;
	struct stat info;
	int fd =
		stat(path, &info) || !S_ISREG(info.st_mode) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	bool known = fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header);

	if (fd >= 0)
		close(fd);
	if (known)
		memcpy(run, header.run, 16);
	return known;
}

/* Moves the files of the same run as files[first] next to it; how many there are. */
static size_t group_files(const char **files, size_t first, size_t count)
{
	uint8_t run[16], other[16];
	size_t end = first + 1;

	if (!read_run(files[first], run))
		return 1;
	for (size_t i = end; i < count; i++) {
		const char *file = files[i];

		if (!read_run(file, other) || memcmp(run, other, 16))
			continue;
		files[i] = files[end];
		files[end++] = file;
	}
	return end - first;
}

static void show_progress(uint64_t done, uint64_t total)
{
	term_progress("decoding", done, total);
}

static void print_json(const struct decode_summary *summary)
{
	struct buf out = {0};
	struct json json = {.out = &out};

	json_open(&json, '{');
	json_member_string(&json, "run", summary->run);
	json_member_int(&json, "calls", (int64_t)summary->trace.calls);
	json_member_int(&json, "rows", (int64_t)summary->rows);
	json_member_int(&json, "processes", (int64_t)summary->processes);
	json_member_int(&json, "threads", (int64_t)summary->threads);
	json_member_int(&json, "objects", (int64_t)summary->objects);
	json_member_int(&json, "blocks", (int64_t)summary->trace.blocks);
	json_member_int(&json, "blocks_missing", (int64_t)summary->trace.missing);
	json_member_int(&json, "bytes", (int64_t)summary->trace.bytes);
	json_member_int(&json, "unpaired", (int64_t)summary->unpaired);
	json_member_int(&json, "unfinished", (int64_t)summary->unfinished);
	json_member_int(&json, "unknown_kinds", (int64_t)summary->unknown_kinds);
	json_member_bool(&json, "finished", summary->trace.finished);
	json_close(&json, '}');
	puts(buf_string(&out));
	buf_free(&out);
}

static void report(const struct options *options, const struct decode_summary *summary)
{
	if (options->json)
		print_json(summary);
	if (summary->trace.missing)
		log_warn("%" PRIu64 " blocks of run %.8s are missing or damaged; their calls are "
			 "not in %s",
			summary->trace.missing, summary->run, options->output);
	if (!summary->trace.finished)
		log_warn("the trace of run %.8s has no end: it is torn, or still being written",
			summary->run);
	if (summary->stray)
		log_warn("%" PRIu64 " calls belong to threads that the trace does not describe",
			summary->stray);
	log_debug("%" PRIu64 " calls, %" PRIu64 " rows", summary->trace.calls, summary->rows);
}

static int decode_all(
	const struct options *options, const struct class_rules *rules, struct store *store)
{
	struct decode_options how = {
		.row_limit = options->row_limit,
		.rules = rules,
		.progress = show_progress,
	};
	struct decode_summary summary;
	struct trace_error error = {0};

	if (!strcmp(options->rows, "all"))
		how.row_limit = WEAVE_ALL_ROWS;
	else if (!strcmp(options->rows, "none"))
		how.row_limit = 0;
	for (size_t i = 0, size; i < options->file_count; i += size) {
		int err;

		size = group_files(options->files, i, options->file_count);
		err = decode_run(store, options->files + i, size, &how, &summary, &error);
		term_progress_end();
		if (err) {
			log_error("%s", error.text);
			return 1;
		}
		report(options, &summary);
	}
	return 0;
}

int cmd_decode(int argc, char **argv)
{
	struct options options = {.rows = "auto", .row_limit = DEFAULT_ROW_LIMIT};
	struct store_error error = {{0}};
	struct class_rules_error rules_error;
	struct class_rules rules;
	struct store *store;
	int status;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (class_rules_load(&rules, &rules_error)) {
		log_error("%s", rules_error.text);
		return 2;
	}
	store = store_open(options.output, options.append, &error);
	if (!store) {
		log_error("%s", error.text);
		class_rules_free(&rules);
		return 1;
	}
	status = decode_all(&options, &rules, store);
	if (!status && store_finish(store, &error)) {
		log_error("%s", error.text);
		status = 1;
	}
	store_free(store);
	class_rules_free(&rules);
	return status;
}
