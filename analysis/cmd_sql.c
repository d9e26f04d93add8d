/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime sql: asks a trace or a database by SQL. It is opened read-only. */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/input.h"
#include "analysis/output.h"
#include "lib/command.h"
#include "lib/json.h"
#include "lib/log.h"

struct options {
	bool json, csv;
	const char *rows;
	char **words;
	int word_count;
};

static const struct argp_option option_table[] = {
	{"json", 'j', NULL, 0, "Print an array of objects", 0},
	{"csv", 'c', NULL, 0, "Print comma-separated values, with a line of names", 0},
	{"rows", 'r', "WHICH", 0,
		"Of a trace: which calls are rows of table span: all, auto (the default) or none, as "
		"ragtime decode has it",
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
	case 'c':
		options->csv = true;
		break;
	case 'r':
		if (strcmp(text, "all") && strcmp(text, "auto") && strcmp(text, "none"))
			argp_error(state, "--rows is all, auto or none, not '%s'", text);
		options->rows = text;
		break;
	case ARGP_KEY_ARGS:
		options->words = state->argv + state->next;
		options->word_count = state->argc - state->next;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state,
			"what is the question? As in: ragtime sql 'SELECT * FROM "
			"operations' rag.rtrace");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

struct work {
	const struct options *options;
	struct output out;
	struct json json;
};

static void put_json_row(struct work *work, const struct query *query, int columns)
{
	json_open(&work->json, '{');
	for (int i = 0; i < columns; i++) {
		json_key(&work->json, query_name(query, i));
		if (query_is_null(query, i) ||
			(query_is_real(query, i) && !isfinite(query_double(query, i))))
			json_null(&work->json);
		else if (query_is_real(query, i))
			json_number(&work->json, query_text(query, i)); /* all its digits */
		else if (query_is_text(query, i))
			json_string(&work->json, query_text(query, i));
		else
			json_int(&work->json, query_int(query, i));
	}
	json_close(&work->json, '}');
}

/* Quoted where the value holds what the form uses itself. */
static void put_field(struct buf *out, const char *text, char separator)
{
	if (separator == ',' && strpbrk(text, ",\"\n\r")) {
		buf_puts(out, "\"");
		for (; *text; text++)
			buf_printf(out, *text == '"' ? "\"\"" : "%c", *text);
		buf_puts(out, "\"");
		return;
	}
	for (; *text; text++) {
		char byte = separator != ',' && (unsigned char)*text < 0x20 ? ' ' : *text;

		buf_append(out, &byte, 1);
	}
}

static void put_line(struct work *work, const struct query *query, int columns, bool names)
{
	char separator = work->options->csv ? ',' : '\t';

	for (int i = 0; i < columns; i++) {
		const char *text = names ? query_name(query, i) : query_text(query, i);

		if (i)
			buf_append(&work->out.bytes, &separator, 1);
		put_field(&work->out.bytes, text ? text : work->options->csv ? "" : "-", separator);
	}
	buf_puts(&work->out.bytes, "\n");
}

static int ask(struct model *model, const char *name, void *context)
{
	struct work *work = context;
	struct query *query = model_query(model, work->options->words[0]);
	int columns = query ? query_columns(query) : 0;

	if (!work->options->json && columns)
		put_line(work, query, columns, true);
	while (!work->out.error && query_next(query)) {
		if (work->options->json)
			put_json_row(work, query, columns);
		else
			put_line(work, query, columns, false);
		output_flush(&work->out);
	}
	query_free(query);
	if (!model_error(model))
		return 0;
	log_error("%s: %s; 'ragtime schema sql' prints tables and views", name, model_error(model));
	model_forget_error(model);
	return 1;
}

int cmd_sql(int argc, char **argv)
{
	static const struct argp argp = {option_table, parse, "QUERY [FILE...]",
		"Asks traces and databases by SQL, read-only.\v"
		"FILE is a trace, a database made by 'ragtime decode', or - for standard input. "
		"Without one it is the newest run in the state folder. Beside the tables there are the "
		"views spans, operations, performance_profiles and performance_bottlenecks, and the "
		"temporary views profile and thread_time.\n\n"
		"Examples:\n"
		"  ragtime sql 'SELECT name, calls FROM operations LIMIT 9'\n"
		"  ragtime sql --json 'SELECT * FROM performance_bottlenecks' rag.rtrace\n"
		"  ragtime sql --csv 'SELECT * FROM spans' rag.db >spans.csv",
		NULL, NULL, NULL};
	struct options options = {.rows = "auto"};
	struct work work = {.options = &options, .out.fd = STDOUT_FILENO};
	int status, err;

	argp_err_exit_status = 2;
	argv[0] = "ragtime sql";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	work.json = (struct json){.out = &work.out.bytes, .pretty = true};
	if (options.json)
		json_open(&work.json, '[');
	status = input_each(options.words + 1, options.word_count - 1, options.rows, ask, &work);
	if (options.json) {
		json_close(&work.json, ']');
		buf_puts(&work.out.bytes, "\n");
	}
	err = output_finish(&work.out);
	if (err)
		log_error("cannot write the answer: %s", strerror(-err));
	return status ? status : err ? 1 : 0;
}
