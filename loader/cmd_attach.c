/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime attach: traces processes that run already, from outside. */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/command.h"
#include "lib/log.h"
#include "loader/arguments.h"
#include "loader/capture/session.h"
#include "loader/kernel/kernel.h"
#include "loader/target/find.h"
#include "loader/target/identity.h"
#include "loader/target/guard.h"
#include "loader/target/secrecy.h"

#define EXIT_USAGE 2
/* Out of step with what programs do at round numbers. */
#define HZ_NORMAL 49
#define HZ_MAX 1000

static const char usage[] = "[PID...]";
static const char help[] =
	"Trace processes that run already. They go on as they are: what is watched is watched in the "
	"kernel, and ends with this command, however that ends."
	"\vExamples:\n"
	"  ragtime attach 4711\n"
	"  ragtime attach --name 'gunicorn*' --children --duration 60 -o app.rtrace\n"
	"  ragtime attach --port 8000\n"
	"  ragtime attach --mode sample --duration 30 4711    where its processor time goes\n\n"
	"All that are named or fit are traced into one file; --name, --port, --user and --cgroup must "
	"all fit. Ctrl-C ends the trace and says where it is. Without -o it goes to "
	"$XDG_STATE_HOME/ragtime (~/.local/state/ragtime), where 'ragtime report' finds the newest. "
	"'ragtime ps' lists what there is, 'ragtime doctor' says which rights are missing.";

enum {
	KEY_NAME = 256,
	KEY_PORT,
	KEY_CGROUP,
	KEY_USER,
	KEY_CHILDREN,
	KEY_DURATION,
	KEY_MAX_SIZE,
	KEY_MODE,
	KEY_INJECT,
	KEY_WITH_CONTENT,
	KEY_PY,
	KEY_PY_EXCLUDE,
	KEY_ROOT,
	KEY_HZ,
};

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "Write the trace to FILE (also fd:N, unix:PATH)", 0},
	{"name", KEY_NAME, "NAME", 0,
		"Those whose process, program or script is called so; may hold * and ?", 0},
	{"port", KEY_PORT, "N", 0, "Those that listen on this TCP port", 0},
	{"cgroup", KEY_CGROUP, "TEXT", 0,
		"Those whose control group holds TEXT: a path, a container's id", 0},
	{"user", KEY_USER, "NAME", 0, "Those of this user", 0},
	{"children", KEY_CHILDREN, NULL, 0, "Also their children, those to come too", 0},
	{"mode", KEY_MODE, "WAY", 0,
		"From the kernel (bpf), by a library brought in (inject), or both; normally (auto) "
		"from the kernel. With sample: where processor time goes, and nothing else",
		0},
	{"hz", KEY_HZ, "N", 0,
		"Samples a second of each processor, where the kernel is watched from (49); 0: none",
		0},
	{"inject", KEY_INJECT, NULL, 0, "The same as --mode inject", 0},
	{"py", KEY_PY, "PATTERN|off", 0,
		"With --inject: trace these Python functions too, as in 'mypkg.*'; off: none at all",
		0},
	{"py-exclude", KEY_PY_EXCLUDE, "PATTERN", 0,
		"With --inject: never trace these Python functions", 0},
	{"root", KEY_ROOT, "FUNCTION", 0,
		"With --inject: a call of this Python function begins a request", 0},
	{"with-content", KEY_WITH_CONTENT, NULL, 0,
		"Store prompts, answers, statements and bodies too, as 'ragtime run' does", 0},
	{"duration", KEY_DURATION, "SECONDS", 0, "Stop tracing after this time", 0},
	{"max-size", KEY_MAX_SIZE, "SIZE", 0,
		"Split the trace into files of about this size (as in 500M)", 0},
	{"verbose", 'v', NULL, 0, "Say on standard error what is done", 0},
	{0},
};

struct attach {
	struct session_options session;
	struct find_filter filter;
	struct runtime_rules rules;
	bool by_rules;
	bool by_filter;
	bool children;
	bool inject;
	bool sample_only;
	unsigned hz;
	bool both; /* the library, and beside it what only the kernel knows */
	bool verbose;
	const char *output;
	char output_path[4096];
	pid_t *pids;
	size_t count;
};

static long parse_number(
	const char *text, long least, long most, const char *what, struct argp_state *state)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < least || value > most)
		argp_error(state, "'%s' is not %s", text, what);
	return value;
}

static long parse_user(const char *text, struct argp_state *state)
{
	const struct passwd *user = getpwnam(text);

	return user ? (long)user->pw_uid : parse_number(text, 0, UINT_MAX, "a user", state);
}

static error_t add_pid(struct attach *attach, pid_t pid)
{
	pid_t *pids = realloc(attach->pids, (attach->count + 1) * sizeof(*pids));

	if (!pids)
		return ENOMEM;
	attach->pids = pids;
	for (size_t i = 0; i < attach->count; i++)
		if (pids[i] == pid)
			return 0;
	attach->pids[attach->count++] = pid;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct attach *attach = state->input;

	switch (key) {
	case 'o':
		attach->output = arg;
		break;
	case KEY_NAME:
		attach->filter.name = arg;
		attach->by_filter = true;
		break;
	case KEY_PORT:
		attach->filter.port = parse_number(arg, 1, 65535, "a port", state);
		attach->by_filter = true;
		break;
	case KEY_CGROUP:
		attach->filter.group = arg;
		attach->by_filter = true;
		break;
	case KEY_USER:
		attach->filter.uid = parse_user(arg, state);
		attach->by_filter = true;
		break;
	case KEY_CHILDREN:
		attach->children = true;
		break;
	case KEY_MODE:
		if (strcmp(arg, "auto") != 0 && strcmp(arg, "bpf") != 0 &&
			strcmp(arg, "inject") != 0 && strcmp(arg, "both") != 0 &&
			strcmp(arg, "sample") != 0)
			argp_error(state, "--mode is auto, bpf, inject, both or sample, not '%s'",
				arg);
		attach->both = !strcmp(arg, "both");
		attach->inject = attach->both || !strcmp(arg, "inject");
		attach->sample_only = !strcmp(arg, "sample");
		break;
	case KEY_HZ:
		attach->hz = (unsigned)parse_number(arg, 0, HZ_MAX, "a number up to 1000", state);
		break;
	case KEY_INJECT:
		attach->inject = true;
		break;
	case KEY_PY:
		attach->by_rules = true;
		return arguments_rule(&attach->rules, RUNTIME_RULE_CALL, arg, state);
	case KEY_PY_EXCLUDE:
		attach->by_rules = true;
		return arguments_rule(&attach->rules, RUNTIME_RULE_SKIP, arg, state);
	case KEY_ROOT:
		attach->by_rules = true;
		return arguments_rule(&attach->rules, RUNTIME_RULE_REQUEST, arg, state);
	case KEY_WITH_CONTENT:
		attach->session.content = true;
		break;
	case KEY_DURATION:
		attach->session.duration_ns = arguments_duration(arg, state);
		break;
	case KEY_MAX_SIZE:
		attach->session.max_size = arguments_size(arg, state);
		break;
	case 'v':
		attach->verbose = true;
		break;
	case ARGP_KEY_ARG:
		return add_pid(
			attach, (pid_t)parse_number(arg, 1, INT_MAX, "a process's number", state));
	case ARGP_KEY_END:
		if (!attach->count && !attach->by_filter)
			argp_error(state,
				"which process? Give its PID, --name or --port; 'ragtime ps' lists them");
		if (attach->by_rules && !attach->inject)
			argp_error(state, "--py, --py-exclude and --root go with --inject");
		if (attach->sample_only && !attach->hz)
			argp_error(state, "--mode sample needs --hz 1 or more");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* The children of those that have been chosen, and theirs. */
static int add_children(struct attach *attach)
{
	const struct find_filter all = {.uid = -1};
	struct candidates found;
	bool more = true;
	int err = 0;

	find_all(&found, &all, getpid());
	while (more && !err) {
		size_t before = attach->count;

		for (size_t i = 0; i < found.count && !err; i++)
			for (size_t k = 0; k < before; k++)
				if (found.list[i].parent == attach->pids[k])
					err = add_pid(attach, found.list[i].pid);
		more = attach->count > before;
	}
	find_free(&found);
	return err;
}

static int choose_by_filter(struct attach *attach)
{
	struct candidates found;
	int err = 0;

	find_all(&found, &attach->filter, getpid());
	for (size_t i = 0; i < found.count && !err; i++)
		err = add_pid(attach, found.list[i].pid);
	find_free(&found);
	return err;
}

static int choose_targets(struct attach *attach)
{
	for (size_t i = 0; i < attach->count; i++) {
		struct candidate candidate;

		if (attach->pids[i] == getpid() || !find_one(attach->pids[i], &candidate)) {
			log_error("cannot trace process %d: %s", (int)attach->pids[i],
				attach->pids[i] == getpid()
					? "that is this command"
					: "there is none, or it is a part of the kernel; 'ragtime ps' "
					  "lists what runs");
			return -ESRCH;
		}
	}
	if ((attach->by_filter && choose_by_filter(attach)) ||
		(attach->children && add_children(attach))) {
		log_error("out of memory");
		return -ENOMEM;
	}
	if (!attach->count) {
		log_error("no process fits; 'ragtime ps --all' lists what runs");
		return -ESRCH;
	}
	return 0;
}

static void run_session(struct attach *attach, struct session *session, struct job *job)
{
	secrecy_begin();
	session_began(session, job, session_ticks(session));
	log_note("tracing %zu process%s; Ctrl-C ends it", attach->count,
		attach->count == 1 ? "" : "es");
	session_run(session);
}

/* The shim is brought in once the session listens, and leaves before its memory goes. */
static int trace_with(struct attach *attach, struct job *job, struct guard *guard)
{
	struct session *session = NULL;
	char shim[4096];
	int code = 1;

	if (identity_shim(shim, sizeof(shim)) < 0)
		log_error("libragtime.so is not beside this program; run 'make', or install again");
	else
		session = session_open(&attach->session);
	if (session && job_began(job, attach->pids[0])) {
		log_error("process %d has ended", (int)attach->pids[0]);
	} else if (session && !guard_enter(guard, shim, session_cookie(session))) {
		run_session(attach, session, job);
		guard_leave(guard);
		session_report(session, true);
		code = 0;
	}
	session_close(session);
	return code;
}

static int trace_inside(struct attach *attach, struct job *job)
{
	const struct kernel_options beside = {
		.pids = attach->pids, .count = attach->count, .beside = true, .hz = attach->hz};
	struct guard *guard;
	int code = 1;

	/* before there are threads, which loading programs may make */
	guard = guard_open(attach->pids[0], &attach->session.region);
	if (!guard)
		return 1;
	if (attach->both)
		attach->session.kernel = kernel_open(&beside);
	if (!attach->both || attach->session.kernel)
		code = trace_with(attach, job, guard);
	kernel_close(attach->session.kernel);
	guard_close(guard);
	return code;
}

static int trace(struct attach *attach, struct job *job)
{
	const struct kernel_options watched = {.pids = attach->pids,
		.count = attach->count,
		.follow = attach->children,
		.sample_only = attach->sample_only,
		.hz = attach->hz};
	struct session *session = NULL;
	int code = 1;

	attach->session.kernel = kernel_open(&watched);
	if (attach->session.kernel)
		session = session_open(&attach->session);
	if (session && job_began(job, attach->pids[0])) {
		log_error("process %d has ended", (int)attach->pids[0]);
	} else if (session) {
		run_session(attach, session, job);
		session_report(session, true);
		code = 0;
	}
	session_close(session);
	kernel_close(attach->session.kernel);
	return code;
}

static int attach_all(struct attach *attach)
{
	const char *obstacle = find_obstacle_bpf();
	struct candidate first;
	struct job job;
	int code;

	if (choose_targets(attach))
		return 1;
	find_one(attach->pids[0], &first);
	if (attach->inject && attach->count > 1) {
		log_error("%zu processes fit: the library is brought into one at a time",
			attach->count);
		return 1;
	}
	if ((!attach->inject || attach->both) && obstacle) {
		log_error("cannot watch from the kernel: %s", obstacle);
		if (attach->count == 1 && !find_obstacle_inject(&first))
			log_note("without those rights: ragtime attach --inject %d",
				(int)attach->pids[0]);
		return 1;
	}
	attach->session.output = attach->output_path;
	attach->session.command = first.name;
	if (arguments_output(attach->output, first.name, getpid(), attach->output_path,
		    sizeof(attach->output_path)) ||
		job_open(&job, true))
		return 1;
	if (attach->sample_only)
		attach->session.mode = "bpf, samples alone";
	if (attach->inject) {
		attach->session.mode = attach->both ? "shim, injected; bpf" : "shim, injected";
		attach->session.slow_clock = false;
		attach->session.rules = &attach->rules;
	}
	code = attach->inject ? trace_inside(attach, &job) : trace(attach, &job);
	job_close(&job);
	return code;
}

int cmd_attach(int argc, char **argv)
{
	static const struct argp argp = {options, parse_option, usage, help, NULL, NULL, NULL};
	struct attach attach = {
		.filter = {.uid = -1},
		.hz = HZ_NORMAL,
		.session = {.mode = "bpf", .attached = true, .slow_clock = true, .region = -1},
	};
	int code;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = "ragtime attach";
	code = argp_parse(&argp, argc, argv, 0, NULL, &attach);
	if (code) {
		log_error("%s", strerror(code));
		code = 1;
	} else {
		log_set_verbose(attach.verbose);
		attach.session.follow = attach.children;
		code = attach_all(&attach);
	}
	runtime_rules_free(&attach.rules);
	free(attach.pids);
	return code;
}
