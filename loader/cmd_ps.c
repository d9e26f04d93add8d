/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime ps: which processes there are to attach to, and what each way would see. */
#include <argp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/command.h"
#include "lib/log.h"
#include "lib/table.h"
#include "lib/term.h"
#include "loader/target/find.h"

#define EXIT_USAGE 2

static const char usage[] = "[NAME]";
static const char help[] =
	"List running processes worth tracing: Python, Node, model servers, databases; or those whose "
	"process, program or script is called NAME (with * and ?)."
	"\vExamples:\n"
	"  ragtime ps\n"
	"  ragtime ps --all 'gunicorn*'\n"
	"  ragtime ps --json\n\n"
	"BPF and INJECT say whether 'ragtime attach' could trace the process in that way; "
	"'ragtime ps --why' says what stands against it.";

enum { KEY_JSON = 256, KEY_WHY };

static const struct argp_option options[] = {
	{"all", 'a', NULL, 0, "Also processes of no known runtime", 0},
	{"why", KEY_WHY, NULL, 0, "Say why a way of tracing is closed", 0},
	{"json", KEY_JSON, NULL, 0, "Print JSON", 0},
	{0},
};

struct ps {
	struct find_filter filter;
	bool json;
	bool why;
};

enum column {
	COLUMN_PID,
	COLUMN_PARENT,
	COLUMN_USER,
	COLUMN_RUNTIME,
	COLUMN_VERSION,
	COLUMN_TLS,
	COLUMN_PORTS,
	COLUMN_CONTAINER,
	COLUMN_BPF,
	COLUMN_INJECT,
	COLUMN_BPF_WHY,
	COLUMN_INJECT_WHY,
	COLUMN_PROGRAM,
	COLUMN_SCRIPT,
};

static const struct table_column columns[] = {
	[COLUMN_PID] = {"pid", "PID", TABLE_NUMBER},
	[COLUMN_PARENT] = {"parent", NULL, TABLE_NUMBER},
	[COLUMN_USER] = {"user", "USER", TABLE_TEXT},
	[COLUMN_RUNTIME] = {"runtime", "RUNTIME", TABLE_TEXT},
	[COLUMN_VERSION] = {"version", "VERSION", TABLE_TEXT},
	[COLUMN_TLS] = {"tls", "TLS", TABLE_TEXT},
	[COLUMN_PORTS] = {"ports", "PORTS", TABLE_TEXT},
	[COLUMN_CONTAINER] = {"container", "CONTAINER", TABLE_TEXT},
	[COLUMN_BPF] = {"bpf", "BPF", TABLE_BOOL},
	[COLUMN_INJECT] = {"inject", "INJECT", TABLE_BOOL},
	[COLUMN_BPF_WHY] = {"bpf_obstacle", NULL, TABLE_TEXT},
	[COLUMN_INJECT_WHY] = {"inject_obstacle", NULL, TABLE_TEXT},
	[COLUMN_PROGRAM] = {"program", "PROGRAM", TABLE_TEXT},
	[COLUMN_SCRIPT] = {"script", "SCRIPT", TABLE_TEXT},
	{0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct ps *ps = state->input;

	switch (key) {
	case 'a':
		ps->filter.known = false;
		break;
	case KEY_WHY:
		ps->why = true;
		break;
	case KEY_JSON:
		ps->json = true;
		break;
	case ARGP_KEY_ARG:
		if (ps->filter.name)
			argp_error(state, "one NAME at a time, not also '%s'", arg);
		ps->filter.name = arg;
		ps->filter.known = false;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void set_text(struct table *table, enum column column, const char *text)
{
	if (text && *text)
		table_set_text(table, column, text);
}

static void set_user(struct table *table, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);
	char number[16];

	snprintf(number, sizeof(number), "%u", (unsigned)uid);
	table_set_text(table, COLUMN_USER, user ? user->pw_name : number);
}

/* "libssl.so.3", "in the program", "Go". */
static void set_tls(struct table *table, const struct candidate *candidate)
{
	struct buf text = {0};

	for (size_t i = 0; i < candidate->tls_count; i++) {
		const char *path = candidate->tls[i].path;
		const char *slash = strrchr(path, '/');

		buf_printf(&text, "%s%s", i ? " " : "",
			candidate->tls[i].builtin ? "static"
				: slash		  ? slash + 1
						  : path);
	}
	if (candidate->go && !candidate->tls_count)
		buf_puts(&text, "Go");
	set_text(table, COLUMN_TLS, buf_string(&text));
	buf_free(&text);
}

static void set_ports(struct table *table, const struct candidate *candidate)
{
	struct buf text = {0};

	for (size_t i = 0; i < candidate->port_count; i++)
		buf_printf(&text, "%s%u", i ? " " : "", candidate->ports[i]);
	set_text(table, COLUMN_PORTS, buf_string(&text));
	buf_free(&text);
}

static void add_row(struct table *table, const struct candidate *candidate)
{
	const char *bpf = find_obstacle_bpf(), *inject = find_obstacle_inject(candidate);

	table_row(table);
	table_set(table, COLUMN_PID, candidate->pid);
	table_set(table, COLUMN_PARENT, candidate->parent);
	set_user(table, candidate->uid);
	set_text(table, COLUMN_RUNTIME, candidate->runtime);
	set_text(table, COLUMN_VERSION, candidate->version);
	set_tls(table, candidate);
	set_ports(table, candidate);
	set_text(table, COLUMN_CONTAINER, candidate->container);
	table_set(table, COLUMN_BPF, !bpf);
	table_set(table, COLUMN_INJECT, !inject);
	set_text(table, COLUMN_BPF_WHY, bpf);
	set_text(table, COLUMN_INJECT_WHY, inject);
	set_text(table, COLUMN_PROGRAM, *candidate->program ? candidate->program : candidate->name);
	set_text(table, COLUMN_SCRIPT, candidate->script);
}

static void print_reasons(const struct candidates *found)
{
	const char *bpf = find_obstacle_bpf();

	if (bpf)
		printf("all: not by BPF: %s\n", bpf);
	for (size_t i = 0; i < found->count; i++) {
		const struct candidate *candidate = &found->list[i];
		const char *inject = find_obstacle_inject(candidate);

		if (inject)
			printf("%d: not by injection: %s\n", (int)candidate->pid, inject);
	}
}

static void print_found(
	const struct ps *ps, const struct candidates *found, const struct table *table)
{
	struct buf out = {0};
	struct json json = {.out = &out, .pretty = true};

	if (ps->json) {
		table_json(table, &json);
		buf_puts(&out, "\n");
	} else {
		table_text(table, 0, term_width(), &out);
	}
	fputs(buf_string(&out), stdout);
	buf_free(&out);
	if (ps->why && !ps->json)
		print_reasons(found);
}

static int list(const struct ps *ps)
{
	struct table *table = table_new(columns);
	struct candidates found;
	int code = 0;

	find_all(&found, &ps->filter, getpid());
	for (size_t i = 0; table && i < found.count; i++)
		add_row(table, &found.list[i]);
	if (!table || found.failed || table_failed(table)) {
		log_error("out of memory");
		code = 1;
	} else if (!found.count && !ps->json) {
		log_note("no process %s; 'ragtime ps --all' lists all",
			ps->filter.name ? "is called that" : "of a known runtime is running");
		code = 1;
	} else {
		print_found(ps, &found, table);
	}
	table_free(table);
	find_free(&found);
	return code;
}

int cmd_ps(int argc, char **argv)
{
	static const struct argp argp = {options, parse_option, usage, help, NULL, NULL, NULL};
	struct ps ps = {.filter = {.uid = -1, .known = true}};

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = "ragtime ps";
	argp_parse(&argp, argc, argv, 0, NULL, &ps);
	return list(&ps);
}
