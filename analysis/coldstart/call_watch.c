/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/call_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/coldstart/stages.h"
#include "wire/frame.h"

#define PATTERNS_MAX 32

static void become_reader(const struct ready *ready, const char *trace)
{
	const char *patterns[PATTERNS_MAX] = {ready->pattern};
	size_t count = 1;
	char *arguments[2 * PATTERNS_MAX + 5] = {"ragtime", "info"};
	char **at = arguments + 2;
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ready->kind == READY_INFERENCE)
		count = stage_call_patterns(STAGE_inference, patterns, PATTERNS_MAX);
	for (size_t i = 0; i < count; i++) {
		*at++ = "--until";
		*at++ = (char *)patterns[i];
	}
	*at++ = "--";
	*at = (char *)trace;
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execv("/proc/self/exe", arguments);
	_exit(1);
}

static void reap(struct call_watch *watch, int options)
{
	int status;

	if (watch->pid <= 0 || waitpid(watch->pid, &status, options) != watch->pid)
		return;
	watch->pid = 0;
	watch->seen = WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool call_watch_look(struct call_watch *watch, const struct ready *ready, const char *trace)
{
	struct stat info;

	reap(watch, WNOHANG);
	if (watch->seen || watch->pid > 0 || stat(trace, &info) ||
		info.st_size < (off_t)sizeof(struct rt_file_header))
		return watch->seen;
	watch->pid = fork();
	if (watch->pid == 0)
		become_reader(ready, trace);
	return false;
}

void call_watch_end(struct call_watch *watch)
{
	if (watch->pid > 0)
		kill(watch->pid, SIGKILL);
	reap(watch, 0);
}
