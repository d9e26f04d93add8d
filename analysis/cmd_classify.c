/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime classify: says what class operations have, and which rule says so. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/classify.h"
#include "analysis/input.h"
#include "analysis/output.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/term.h"
#include "lib/version.h"
#include "lib/words.h"

enum { OPTION_EXPLAIN = 256, OPTION_RULES };

struct options {
	int64_t explain; /* 0: none */
	bool rules, json;
	char **inputs;
	int input_count;
};

static const struct argp_option option_table[] = {
	{"explain", OPTION_EXPLAIN, "SPAN", 0,
		"Say of one span which facts are known, which rules were tried and which one decided",
		0},
	{"rules", OPTION_RULES, NULL, 0, "Print the rules that were in force, in their order", 0},
	{"json", 'j', NULL, 0, "Print JSON: times in ns, unknown is null", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	char *end;

	switch (key) {
	case OPTION_EXPLAIN:
		options->explain = strtoll(text, &end, 10);
		if (end == text || *end || options->explain <= 0)
			argp_error(state, "--explain takes the id of a span, not '%s'", text);
		break;
	case OPTION_RULES:
		options->rules = true;
		break;
	case 'j':
		options->json = true;
		break;
	case ARGP_KEY_ARGS:
		options->inputs = state->argv + state->next;
		options->input_count = state->argc - state->next;
		break;
	case ARGP_KEY_END:
		if (options->rules && options->explain)
			argp_error(state, "--rules and --explain are two questions: ask one");
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
	bool found; /* the span to explain */
	bool more;  /* something was shown before */
};

/* ---- what is shown ---- */

#define WHOLE 65536

/* Texts of a database are somebody's: no control characters reach the terminal. */
static void put_text(struct buf *out, const char *before, const char *text, const char *after)
{
	buf_puts(out, before);
	table_put_text(out, text, WHOLE);
	buf_puts(out, after);
}

/* Takes the table. */
static int show_table(struct work *work, const char *key, struct table *table)
{
	int err = !table || table_failed(table) ? -ENOMEM : 0;

	if (!err && work->options->json) {
		json_key(&work->json, key);
		table_json(table, &work->json);
	} else if (!err) {
		table_text(table, 0, term_width(), &work->out.bytes);
	}
	table_free(table);
	output_flush(&work->out);
	return err;
}

static void show_files(struct work *work, const struct class_rules *rules)
{
	struct json *json = &work->json;

	if (work->options->json) {
		json_key(json, "files");
		json_open(json, '[');
	}
	for (size_t i = 0; i < rules->file_count; i++) {
		const struct class_file *file = &rules->files[i];
		char hash[17];

		snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)file->hash);
		if (!work->options->json) {
			put_text(&work->out.bytes,
				file->shipped ? "built in: " : "yours: ", file->path, ", hash ");
			put_text(&work->out.bytes, "", hash, "\n");
			continue;
		}
		json_open(json, '{');
		json_member_string(json, "path", file->path);
		json_member_string(json, "hash", hash);
		json_member_bool(json, "shipped", file->shipped);
		json_close(json, '}');
	}
	if (work->options->json)
		json_close(json, ']');
}

static void put_patterns(struct buf *out, const char *before, const struct class_rule *rule)
{
	struct buf patterns = {0};

	classify_patterns(rule, &patterns);
	put_text(out, before, buf_string(&patterns), "\n");
	buf_free(&patterns);
}

/* As they are written: a pattern cut short says nothing. */
static void show_rule_lines(struct work *work, const struct class_rules *rules)
{
	struct buf *out = &work->out.bytes;

	for (size_t i = 0; i < rules->count; i++) {
		const struct class_rule *rule = &rules->rules[i];
		const struct class_file *file = &rules->files[rule->file];

		buf_printf(out, "\n%zu. ", i + 1);
		put_text(out, "", rule->id, ": ");
		buf_puts(out, word_name("class", rule->class));
		put_text(out, "  (", file->shipped ? "built in" : file->path, "");
		buf_printf(out, ":%u)\n", rule->line);
		put_patterns(out, "    ", rule);
		output_flush(&work->out);
	}
}

static int show_rules(struct work *work, const struct class_rules *rules)
{
	show_files(work, rules);
	if (work->options->json)
		return show_table(work, "rules", classify_rule_table(rules));
	show_rule_lines(work, rules);
	return 0;
}

/* A span's class, and what gave it. `fired` may be NULL. */
static void show_decision(
	struct work *work, const struct class_span *span, const struct class_rule *fired)
{
	uint32_t class = fired ? fired->class : span->class;
	const char *given = span->given ? word_name("class", span->given) : NULL;
	const char *by = fired ? fired->id : span->said;
	struct json *json = &work->json;
	struct buf *out = &work->out.bytes;

	if (work->options->json) {
		json_member_int(json, "id", span->id);
		json_member_string(json, "kind", word_name("kind", span->kind));
		json_member_string(json, "name", span->name);
		json_member_string(json, "class", class ? word_name("class", class) : NULL);
		json_member_string(json, "given", given);
		json_member_string(json, "rule", by);
		return;
	}
	buf_printf(out, "span %lld: ", (long long)span->id);
	put_text(out, "", span->name, "\nclass: ");
	put_text(out, word_name("class", class), by ? ", by " : "", "");
	put_text(out, "", by ? by : "", "\n");
	if (fired)
		put_patterns(out, "its patterns: ", fired);
	if (given && fired)
		put_text(out, "the parser of the protocol said: ", given, "\n");
	if (class != span->class)
		put_text(out,
			"the rule looks at its file: trees and reports, whose classes are of "
			"operations, say ",
			word_name("class", span->class), "\n");
	buf_puts(out, "\n");
}

static int show_span(
	struct work *work, const struct class_rules *rules, const struct class_span *span)
{
	const struct class_rule *fired;
	struct table *tried = classify_tried(rules, span, &fired);
	bool json = work->options->json;
	int err;

	if (json) {
		json_key(&work->json, "span");
		json_open(&work->json, '{');
	}
	show_decision(work, span, fired);
	err = show_table(work, "facts", classify_facts(span));
	if (!json)
		buf_puts(&work->out.bytes, "\n");
	if (!err)
		err = show_table(work, "tried", tried);
	else
		table_free(tried);
	if (json)
		json_close(&work->json, '}');
	return err;
}

static int explain(struct work *work, struct model *model, const struct run *run,
	const struct class_rules *rules, const char *name)
{
	struct class_span span;
	int err = class_span_find(model, run, work->options->explain, &span);

	work->found |= err != -ENOENT;
	if (!err)
		err = show_span(work, rules, &span);
	else if (err == -ENODATA)
		log_error("span %lld of %s is a whole process or thread: only what it calls has a "
			  "class",
			(long long)span.id, name);
	class_span_free(&span);
	return err == -ENOENT ? 0 : err;
}

static int show_run(struct work *work, struct model *model, const struct run *run, const char *name)
{
	bool json = work->options->json;
	struct class_rules rules;
	int err = classify_rules(model, run, &rules);

	if (err == -ENOENT) {
		log_warn(
			"%s holds no rules: an older ragtime made it; decode the trace anew to see "
			"them",
			name);
		err = 0;
	}
	if (json) {
		json_open(&work->json, '{');
		json_member_string(&work->json, "run", run->uuid);
	} else if (work->more) {
		buf_puts(&work->out.bytes, "\n");
	}
	work->more = true;
	if (!err && work->options->rules)
		err = show_rules(work, &rules);
	else if (!err && work->options->explain)
		err = explain(work, model, run, &rules, name);
	else if (!err)
		err = show_table(work, "operations", classify_operations(model, run, &rules));
	if (json)
		json_close(&work->json, '}');
	class_rules_free(&rules);
	return err;
}

static int show_model(struct model *model, const char *name, void *context)
{
	struct work *work = context;
	size_t count;
	struct run *runs = model_runs(model, &count);
	int err = 0;

	for (size_t i = 0; i < count && !err && !work->out.error; i++)
		err = show_run(work, model, &runs[i], name);
	if (!err && work->options->explain && !work->found) {
		log_error("%s has no span %lld; ids stand in 'ragtime tree --json' and 'ragtime "
			  "export --to json'",
			name, (long long)work->options->explain);
		err = -ENOENT;
	} else if (err == -ENOMEM) {
		log_error("cannot classify %s: out of memory", name);
	}
	model_runs_free(runs, count);
	return err ? 1 : 0;
}

int cmd_classify(int argc, char **argv)
{
	static const struct argp argp = {option_table, parse, "[FILE...]",
		"Lists requests, traced functions and files with their operation class, how often and "
		"how long they ran, and the rule that gave the class.\v"
		"FILE is a trace, a database made by 'ragtime decode', or - for standard input. "
		"Without one it is the newest run in the state folder.\n\n"
		"Rules are read when a trace is decoded: yours in $RAGTIME_CLASSES, else in "
		"~/.config/ragtime/classes.yaml, before those that are built in.\n\n"
		"Examples:\n"
		"  ragtime classify                      the newest run\n"
		"  ragtime classify --rules rag.rtrace   the rules in force\n"
		"  ragtime classify --explain 4711 rag.db\n"
		"  RAGTIME_CLASSES=my.yaml ragtime classify rag.rtrace",
		NULL, NULL, NULL};
	struct options options = {0};
	struct work work = {.options = &options, .out.fd = STDOUT_FILENO};
	int status, err;

	argp_err_exit_status = 2;
	argv[0] = "ragtime classify";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	work.json = (struct json){.out = &work.out.bytes, .pretty = true};
	if (options.json) {
		json_open(&work.json, '{');
		json_member_string(&work.json, "version", RAGTIME_VERSION);
		json_key(&work.json, "runs");
		json_open(&work.json, '[');
	}
	status = input_each(options.inputs, options.input_count, "auto", show_model, &work);
	if (options.json) {
		json_close(&work.json, ']');
		json_close(&work.json, '}');
		buf_puts(&work.out.bytes, "\n");
	}
	err = output_finish(&work.out);
	if (err)
		log_error("cannot write the list: %s", strerror(-err));
	return status ? status : err ? 1 : 0;
}
