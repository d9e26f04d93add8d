/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"

#define LOOK_EVERY_MS 10
#define MAPS_EVERY 25 /* looks: the list of mappings is long */
#define MS 1000000ll
#define GRACE_NS (10000 * MS) /* between SIGTERM and SIGKILL */
#define TOLD_MAX 2000

/* `ragtime run OPTIONS -o TRACE -- COMMAND`; the caller frees the array alone. */
static char **run_arguments(const struct start_plan *plan)
{
	size_t count = 8;
	char **list, **at;

	for (char **option = plan->run_options; option && *option; option++)
		count++;
	for (char **word = plan->command; *word; word++)
		count++;
	list = at = calloc(count, sizeof(*list));
	if (!list)
		return NULL;
	*at++ = "ragtime";
	*at++ = "run";
	for (char **option = plan->run_options; option && *option; option++)
		*at++ = *option;
	*at++ = "-o";
	*at++ = (char *)plan->trace;
	*at++ = "--";
	for (char **word = plan->command; *word; word++)
		*at++ = *word;
	return list;
}

static void become_run(const struct start_plan *plan, int told, char **arguments)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(null, STDIN_FILENO);
	dup2(plan->show_output ? STDERR_FILENO : null, STDOUT_FILENO);
	if (!plan->show_output)
		dup2(told, STDERR_FILENO);
	execv("/proc/self/exe", arguments);
	_exit(125);
}

static char *read_told(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END), from = size > TOLD_MAX ? size - TOLD_MAX : 0;
	char *text = calloc(1, TOLD_MAX + 1);

	if (text && pread(fd, text, TOLD_MAX, from) < 0)
		*text = '\0';
	return text;
}

/* The program's own processes: below `ragtime run`, which is no part of what is measured. */
static void sample_memory(struct start *start, const struct proc_tree *tree)
{
	int64_t rss = proc_tree_rss(tree);

	if (!rss)
		return;
	if (start->rss_first < 0)
		start->rss_first = rss;
	start->rss_ready = rss;
	if (start->rss_peak < rss)
		start->rss_peak = rss;
}

static void end_gently(pid_t run, int pidfd)
{
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};
	struct proc_tree tree;

	kill(run, SIGTERM);
	if (poll(&gone, 1, GRACE_NS / MS) > 0)
		return;
	proc_tree_below(run, &tree);
	for (size_t i = 0; i < tree.count; i++)
		kill(tree.pids[i], SIGKILL);
}

static void look_at_maps(const struct start_plan *plan, const struct proc_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		proc_mapped(tree->pids[i], plan->mapped, plan->context);
}

static void watch(const struct start_plan *plan, struct start *start, pid_t run, int pidfd)
{
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};
	int64_t deadline = (int64_t)monotonic_ns() + plan->timeout_ns;
	bool watched = ready_is_watched(plan->ready);
	struct proc_tree tree;

	start->end = START_EXITED;
	for (unsigned look = 0; poll(&gone, 1, LOOK_EVERY_MS) == 0; look++) {
		proc_tree_below(run, &tree);
		sample_memory(start, &tree);
		if (watched && ready_holds(plan->ready, &tree)) {
			start->ready_ns = (int64_t)monotonic_ns();
			start->end = START_READY;
		} else if ((int64_t)monotonic_ns() >= deadline) {
			start->end = START_TIMEOUT;
		}
		if (plan->mapped && (start->end != START_EXITED || look % MAPS_EVERY == 0))
			look_at_maps(plan, &tree);
		if (start->end == START_EXITED)
			continue;
		end_gently(run, pidfd);
		return;
	}
}

int start_once(const struct start_plan *plan, struct start *start)
{
	char **arguments = run_arguments(plan);
	int told = memfd_create("ragtime-told", MFD_CLOEXEC), pidfd, status = 0;
	pid_t run;

	*start = (struct start){.rss_first = -1, .rss_ready = -1, .rss_peak = -1};
	if (!arguments || told < 0) {
		free(arguments);
		return -ENOMEM;
	}
	fflush(NULL);
	run = fork();
	if (run == 0)
		become_run(plan, told, arguments);
	free(arguments);
	pidfd = run > 0 ? (int)syscall(SYS_pidfd_open, run, 0) : -1;
	if (pidfd < 0) {
		int err = -errno;

		close(told);
		return err;
	}
	watch(plan, start, run, pidfd);
	while (waitpid(run, &status, 0) < 0 && errno == EINTR)
		;
	start->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	start->told = read_told(told);
	close(pidfd);
	close(told);
	return 0;
}
