/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime run: starts a program under trace and leaves it as it would be without. */
#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/command.h"
#include "lib/log.h"
#include "loader/arguments.h"
#include "loader/capture/session.h"
#include "loader/stream/forced.h"
#include "loader/symbols/plan.h"
#include "loader/target/identity.h"
#include "loader/target/launch.h"
#include "loader/target/secrecy.h"

#define EXIT_USAGE 2
#define EXIT_OURS 125
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127

static const char usage[] = "[--] PROGRAM [ARGUMENT...]";
static const char help[] =
	"Start a program under trace. Its input, output, signals and exit status stay as they are."
	"\vExamples:\n"
	"  ragtime run -- python3 app.py\n"
	"  ragtime run -o app.rtrace --func 'libfaiss*:*search*' -- python3 app.py\n"
	"  ragtime run --py 'mypkg.*' --py-exclude 'mypkg.util.*' --root mypkg.answer -- python3 app.py\n"
	"  ragtime run --with-content -- python3 app.py\n"
	"  ragtime run --protocol 7000=redis -- ./server\n"
	"  ragtime run --duration 30 -- ./server --port 8080\n"
	"  exec ragtime run --exec -- gunicorn app:app\n\n"
	"Without -o the trace goes to $XDG_STATE_HOME/ragtime (~/.local/state/ragtime), where "
	"'ragtime report' finds the newest; what is there is kept for 14 days and up to 5 GiB.\n\n"
	"Exit status: the program's own, 128+N if signal N ended it; 125 if ragtime failed before "
	"it ran, 126 if it could not be executed, 127 if it was not found.\n\n"
	"Tracing ends with PROGRAM itself; with --exec, when the last of its processes ends. As "
	"PID 1 of a container, leave --exec out: ragtime then also reaps orphans and forwards "
	"signals.";

enum {
	KEY_FUNC = 256,
	KEY_PROTOCOL,
	KEY_FOLLOW,
	KEY_NO_FOLLOW,
	KEY_DURATION,
	KEY_EXEC,
	KEY_MAX_SIZE,
	KEY_CLOCK,
	KEY_PY,
	KEY_NODE,
	KEY_PY_EXCLUDE,
	KEY_ROOT,
	KEY_NO_PACKS,
	KEY_WITH_CONTENT,
};

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "Write the trace to FILE (also fd:N, unix:PATH)", 0},
	{"func", KEY_FUNC, "LIBRARY:FUNCTION", 0,
		"Record calls of these functions too; both sides may hold * and ?", 0},
	{"py", KEY_PY, "PATTERN|off", 0,
		"Trace these Python functions too, as in 'mypkg.*'; off: none at all", 0},
	{"py-exclude", KEY_PY_EXCLUDE, "PATTERN", 0, "Never trace these Python functions", 0},
	{"root", KEY_ROOT, "FUNCTION", 0,
		"A call of this Python function begins a request, as in 'batch.do_one'", 0},
	{"protocol", KEY_PROTOCOL, "[ADDRESS:]PORT=PROTOCOL", 0,
		"Read connections to this server so, whatever they look like; none: do not read "
		"them",
		0},
	{"no-packs", KEY_NO_PACKS, NULL, 0,
		"Leave out the functions that packs know ('ragtime packs' lists them)", 0},
	{"node", KEY_NODE, "off", 0,
		"Run nothing of ragtime's inside Node programs: which request asked is then not told",
		0},
	{"with-content", KEY_WITH_CONTENT, NULL, 0,
		"Store prompts, answers, statements and bodies too, up to 64 KiB a request; "
		"credentials are left out where they are recognised",
		0},
	{"follow", KEY_FOLLOW, NULL, 0, "Trace the processes that it starts too (the default)", 0},
	{"no-follow", KEY_NO_FOLLOW, NULL, 0, "Trace its own process alone", 0},
	{"duration", KEY_DURATION, "SECONDS", 0,
		"Stop tracing after this time; the program goes on", 0},
	{"exec", KEY_EXEC, NULL, 0, "Keep the PID for the program; trace from a process beside it",
		0},
	{"max-size", KEY_MAX_SIZE, "SIZE", 0,
		"Split the trace into files of about this size (as in 500M)", 0},
	{"clock", KEY_CLOCK, "tsc|monotonic", 0,
		"The clock of records; normally tsc where it is sound", 0},
	{"verbose", 'v', NULL, 0, "Say on standard error what is done", 0},
	{0},
};

struct run {
	struct session_options session;
	struct runtime_rules rules;
	const char *output;
	char **patterns;
	char **forced;
	bool exec;
	bool verbose;
	char **command;
	char path[4096]; /* of the program's file */
	char shim[4096];
	char output_path[4096];
	struct launch_inherited *inherited;
};

/* Adds to a list that ends with NULL. */
static error_t list_add(char ***list, char *text)
{
	size_t count = 0;
	char **longer;

	while (*list && (*list)[count])
		count++;
	longer = realloc(*list, (count + 2) * sizeof(**list));
	if (!longer)
		return ENOMEM;
	longer[count] = text;
	longer[count + 1] = NULL;
	*list = longer;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct run *run = state->input;

	switch (key) {
	case 'o':
		run->output = arg;
		break;
	case KEY_FUNC:
		if (plan_pattern_fault(arg))
			argp_error(state, "--func '%s': %s", arg, plan_pattern_fault(arg));
		return list_add(&run->patterns, arg);
	case KEY_PROTOCOL:
		if (forced_fault(arg))
			argp_error(state, "--protocol '%s': %s", arg, forced_fault(arg));
		return list_add(&run->forced, arg);
	case KEY_PY:
		return arguments_rule(&run->rules, RUNTIME_RULE_CALL, arg, state);
	case KEY_NODE:
		if (strcmp(arg, "off") != 0)
			argp_error(state, "--node takes off alone, not '%s'", arg);
		run->session.no_node = true;
		break;
	case KEY_PY_EXCLUDE:
		return arguments_rule(&run->rules, RUNTIME_RULE_SKIP, arg, state);
	case KEY_ROOT:
		return arguments_rule(&run->rules, RUNTIME_RULE_REQUEST, arg, state);
	case KEY_NO_PACKS:
		run->session.no_packs = true;
		break;
	case KEY_WITH_CONTENT:
		run->session.content = true;
		break;
	case KEY_FOLLOW:
	case KEY_NO_FOLLOW:
		run->session.follow = key == KEY_FOLLOW;
		break;
	case KEY_DURATION:
		run->session.duration_ns = arguments_duration(arg, state);
		break;
	case KEY_EXEC:
		run->exec = true;
		break;
	case KEY_MAX_SIZE:
		run->session.max_size = arguments_size(arg, state);
		break;
	case KEY_CLOCK:
		if (strcmp(arg, "tsc") != 0 && strcmp(arg, "monotonic") != 0)
			argp_error(state, "--clock is tsc or monotonic, not '%s'", arg);
		run->session.slow_clock = !strcmp(arg, "monotonic");
		break;
	case 'v':
		run->verbose = true;
		break;
	case ARGP_KEY_ARGS:
		run->command = state->argv + state->next;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which program? As in: ragtime run -- python3 app.py");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int choose_output(struct run *run)
{
	run->session.output = run->output_path;
	if (run->output && !strcmp(run->output, "-")) {
		log_error("standard output belongs to the program; for a pipe use -o fd:3 3>...");
		return -EINVAL;
	}
	return arguments_output(run->output, arguments_base_name(run->command[0]), getpid(),
		run->output_path, sizeof(run->output_path));
}

/* A descriptor that the trace goes to must not be closed, and not reach the target. */
static int output_descriptor(const struct run *run)
{
	return strncmp(run->session.output, "fd:", 3) ? -1 : atoi(run->session.output + 3);
}

static int report_exec(const char *command, int err)
{
	log_error("cannot run '%s': %s", command, strerror(-err));
	return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

static int run_untraced(const struct run *run, const char *obstacle)
{
	log_warn("'%s' is not traceable by the shim, because %s; running it untraced",
		run->command[0], obstacle);
	return report_exec(run->command[0], launch_replace(run->path, run->command, NULL));
}

static int run_child(struct run *run)
{
	struct launch_environment additions = {.shim = run->shim};
	struct session *session;
	struct job job;
	uint64_t ticks;
	pid_t pid;
	int err, code;

	/* first: threads that the session starts must not take signals either */
	err = job_open(&job, false);
	if (err) {
		log_error("cannot watch over signals: %s", strerror(-err));
		return EXIT_OURS;
	}
	session = session_open(&run->session);
	if (!session) {
		job_close(&job);
		return EXIT_OURS;
	}
	additions.region = session_region(session);
	job_signals(&job);
	if (job.early_signal) {
		session_close(session);
		job_close(&job);
		return 128 + job.early_signal;
	}
	ticks = session_ticks(session);
	pid = launch_child(&job, run->path, run->command, &additions);
	if (pid < 0) {
		code = report_exec(run->command[0], pid);
	} else {
		secrecy_begin();
		launch_drop_inherited(run->inherited, output_descriptor(run), false);
		job_began(&job, pid);
		session_began(session, &job, ticks);
		session_run(session);
		session_report(session, run->verbose || isatty(STDERR_FILENO));
		code = job_exit_code(&job);
	}
	session_close(session);
	job_close(&job);
	return code;
}

/* The detached side of --exec. Nobody waits for its exit status. */
static void run_tracer(struct run *run, struct launch_gate *gate)
{
	struct session *session = NULL;
	struct job job;
	uint64_t ticks;
	int err = job_open(&job, true);

	if (!err)
		err = job_began(&job, gate->target);
	if (!err) {
		session = session_open(&run->session);
		err = session ? 0 : -EIO;
	}
	if (launch_ready(gate, session ? session_region(session) : "", err) < 0 || err)
		_exit(EXIT_OURS);
	ticks = session_ticks(session);
	secrecy_begin();
	launch_drop_inherited(run->inherited, output_descriptor(run), true);
	if (launch_wait_exec(gate) < 0)
		_exit(EXIT_OURS);
	if (chdir("/") < 0)
		log_debug("cannot leave the working directory: %s", strerror(errno));
	session_began(session, &job, ticks);
	session_run(session);
	session_report(session, run->verbose);
	session_close(session);
	job_close(&job);
	_exit(0);
}

static int run_exec(struct run *run)
{
	struct launch_environment additions = {.shim = run->shim};
	struct launch_gate gate;
	char region[128];
	int err = launch_detach(&gate);

	if (err == LAUNCH_TRACER)
		run_tracer(run, &gate);
	if (err == LAUNCH_TARGET)
		err = launch_wait_ready(&gate, region, sizeof(region));
	if (err) {
		/* where the tracer has answered, it has said why */
		if (err != -EIO)
			log_error("cannot start a tracer beside the program: %s", strerror(-err));
		return EXIT_OURS;
	}
	additions.region = region;
	err = launch_replace(run->path, run->command, &additions);
	launch_failed(&gate, err);
	return report_exec(run->command[0], err);
}

static int run_command(struct run *run)
{
	const char *obstacle;
	int err = identity_find(run->command[0], run->path, sizeof(run->path));

	if (err)
		return report_exec(run->command[0], err);
	obstacle = identity_obstacle(run->path);
	if (obstacle)
		return run_untraced(run, obstacle);
	if (identity_shim(run->shim, sizeof(run->shim)) < 0) {
		log_error("libragtime.so is neither beside this program nor in ../lib/ragtime (in "
			  "a path without spaces and colons); run 'make', or install again");
		return EXIT_OURS;
	}
	if (choose_output(run) < 0)
		return EXIT_OURS;
	return run->exec ? run_exec(run) : run_child(run);
}

int cmd_run(int argc, char **argv)
{
	static const struct argp argp = {options, parse_option, usage, help, NULL, NULL, NULL};
	struct run run = {.session = {.follow = true, .mode = "shim", .region = -1}};
	int code;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = "ragtime run";
	run.inherited = launch_note_inherited();
	code = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &run);
	if (code) {
		log_error("%s", strerror(code));
		code = EXIT_OURS;
	} else {
		log_set_verbose(run.verbose);
		run.session.patterns = run.patterns;
		run.session.rules = &run.rules;
		run.session.forced = run.forced;
		run.session.command = arguments_base_name(run.command[0]);
		code = run_command(&run);
	}
	free(run.patterns);
	runtime_rules_free(&run.rules);
	free(run.forced);
	free(run.inherited);
	return code;
}
