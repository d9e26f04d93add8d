/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime doctor: says what this host allows, and how to get more. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/command.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/term.h"
#include "lib/version.h"
#include "loader/doctor/doctor.h"
#include "loader/stream/host.h"

static const struct check {
	const char *name;
	const char *title;
	void (*run)(struct doctor *doctor);
} checks[] = {
#define CHECK(name, title) {#name, title, check_##name},
#include "loader/doctor/checks.def"
#undef CHECK
};

#define COUNT (sizeof(checks) / sizeof(*checks))

static const char *const verdicts[] = {"no", "yes", "unknown"};

static const struct argp_option option_table[] = {
	{"json", 'j', NULL, 0, "Print JSON", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	bool *json = state->input;

	(void)text;
	if (key == 'j')
		*json = true;
	else if (key == ARGP_KEY_ARG)
		argp_error(state, "doctor takes no arguments");
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static void put_finding(const struct finding *finding)
{
	static const enum term_colour colours[] = {TERM_RED, TERM_GREEN, TERM_YELLOW};

	printf("  %s%-7s%s %-18s %s\n", term_start(colours[finding->verdict]),
		verdicts[finding->verdict], term_end(), finding->name, finding->detail);
	if (finding->advice)
		printf("          %-18s %s-> %s%s\n", "", term_start(TERM_DIM), finding->advice,
			term_end());
}

static void put_text(const struct doctor *doctor, const struct host *host)
{
	const char *group = NULL;

	printf("%s%s%s: %s, %u x %s, %s\n", term_start(TERM_BOLD), host->name, term_end(),
		host->kernel, host->processors, host->cpu_model, geteuid() ? "not root" : "root");
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		if (finding->group != group)
			printf("\n%s%s%s\n", term_start(TERM_BOLD), finding->group, term_end());
		group = finding->group;
		put_finding(finding);
	}
}

static const char *stem_of(const char *title)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (checks[i].title == title)
			return checks[i].name;
	}
	return NULL;
}

static void put_json(const struct doctor *doctor, const struct host *host, struct buf *out)
{
	struct json json = {.out = out, .pretty = true};

	json_open(&json, '{');
	json_member_string(&json, "version", RAGTIME_VERSION);
	json_key(&json, "host");
	json_open(&json, '{');
	json_member_string(&json, "name", host->name);
	json_member_string(&json, "kernel", host->kernel);
	json_member_int(&json, "processors", host->processors);
	json_member_string(&json, "cpu_model", host->cpu_model);
	json_member_bool(&json, "root", !geteuid());
	json_close(&json, '}');
	json_key(&json, "checks");
	json_open(&json, '[');
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		json_open(&json, '{');
		json_member_string(&json, "group", stem_of(finding->group));
		json_member_string(&json, "name", finding->name);
		json_member_string(&json, "verdict", verdicts[finding->verdict]);
		json_member_string(&json, "detail", finding->detail);
		json_member_string(&json, "advice", finding->advice);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_close(&json, '}');
	buf_puts(out, "\n");
}

int cmd_doctor(int argc, char **argv)
{
	static const struct argp argp = {option_table, parse, NULL,
		"Says what this host allows ragtime to do. Each thing is really tried, for a moment; "
		"nothing is changed. Where the answer is no, it says what would give it.\v"
		"Ends with 0 whatever it finds.\n\n"
		"Examples:\n"
		"  ragtime doctor\n"
		"  ragtime doctor --json | jq '.checks[] | select(.verdict == \"no\")'",
		NULL, NULL, NULL};
	struct doctor doctor = {0};
	struct buf out = {0};
	struct host host;
	bool as_json = false;
	int status = 0;

	argp_err_exit_status = 2;
	argv[0] = "ragtime doctor";
	argp_parse(&argp, argc, argv, 0, NULL, &as_json);
	host_read(&host);
	for (size_t i = 0; i < COUNT; i++) {
		doctor.group = checks[i].title;
		checks[i].run(&doctor);
	}
	if (as_json) {
		put_json(&doctor, &host, &out);
		fwrite(out.data, 1, out.size, stdout);
	} else {
		put_text(&doctor, &host);
	}
	if (doctor.failed || out.failed || fflush(stdout) || ferror(stdout)) {
		log_error("cannot print what was found");
		status = 1;
	}
	buf_free(&out);
	free(doctor.findings);
	return status;
}
