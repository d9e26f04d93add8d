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
#include <time.h>
#include <unistd.h>

#include "analysis/coldstart/call_watch.h"
#include "analysis/coldstart/stages.h"
#include "lib/clock.h"

#define MS 1000000ll
#define LOOK_EVERY_NS (10 * MS)
#define LOOK_COST 30	      /* looking takes no more of a processor than one in so many parts */
#define MAPS_EVERY 25	      /* looks: the list of mappings is long */
#define SETTLE_NS (1000 * MS) /* what began before the call that was waited for may end yet */
#define GRACE_NS (10000 * MS) /* between SIGTERM and SIGKILL */
#define TOLD_MAX 2000

/* `ragtime run OPTIONS -o TRACE -- COMMAND`; the caller frees the array alone. */
static char **run_arguments(const struct start_plan *plan)
{
	const char *const *record = stage_records();
	size_t count = 8;
	char **list, **at;

	for (char **option = plan->run_options; option && *option; option++)
		count++;
	for (char **word = plan->command; *word; word++)
		count++;
	for (size_t i = 0; record[i]; i++)
		count += 2;
	list = at = calloc(count, sizeof(*list));
	if (!list)
		return NULL;
	*at++ = "ragtime";
	*at++ = "run";
	for (char **option = plan->run_options; option && *option; option++)
		*at++ = *option;
	for (; *record; record++) {
		*at++ = "--py";
		*at++ = (char *)*record;
	}
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
	start->faults = proc_tree_faults(tree);
	if (start->rss_peak < rss)
		start->rss_peak = rss;
}

/* What is observed, and by what. */
struct observed {
	pid_t run;
	int pidfd;
	struct call_watch call;
	unsigned port;
};

static bool gone_within(const struct observed *observed, int64_t ns)
{
	struct pollfd gone = {.fd = observed->pidfd, .events = POLLIN};

	return poll(&gone, 1, (int)(ns / MS)) > 0;
}

static void end_gently(const struct observed *observed, struct start *start)
{
	struct proc_tree tree;

	kill(observed->run, SIGTERM);
	start->ending = ENDING_STOPPED;
	if (gone_within(observed, GRACE_NS))
		return;
	start->ending = ENDING_KILLED;
	proc_tree_below(observed->run, &tree);
	for (size_t i = 0; i < tree.count; i++)
		kill(tree.pids[i], SIGKILL);
}

static void look_at_maps(const struct start_plan *plan, const struct proc_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		proc_mapped(tree->pids[i], plan->mapped, plan->context);
}

static int64_t own_cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * 1000 * MS + time.tv_nsec;
}

static bool is_ready(
	const struct start_plan *plan, struct observed *observed, const struct proc_tree *tree)
{
	return ready_is_call(plan->ready)
		? call_watch_look(&observed->call, plan->ready, plan->trace)
		: ready_holds(plan->ready, tree, &observed->port);
}

/* One look; true where the program has to be told to end. */
static bool look(const struct start_plan *plan, struct start *start, struct observed *observed,
	int64_t deadline, bool maps)
{
	struct proc_tree tree;

	proc_tree_below(observed->run, &tree);
	sample_memory(start, &tree);
	if (is_ready(plan, observed, &tree)) {
		start->ready_ns = (int64_t)monotonic_ns();
		start->end = START_READY;
	} else if ((int64_t)monotonic_ns() >= deadline) {
		start->end = START_TIMEOUT;
	}
	if (plan->mapped && (maps || start->end != START_EXITED))
		look_at_maps(plan, &tree);
	return start->end != START_EXITED;
}

static void watch(const struct start_plan *plan, struct start *start, struct observed *observed)
{
	int64_t deadline = (int64_t)monotonic_ns() + plan->timeout_ns, pause = LOOK_EVERY_NS;

	start->end = START_EXITED;
	for (unsigned number = 0; !gone_within(observed, pause); number++) {
		int64_t begin = own_cpu_ns();

		if (look(plan, start, observed, deadline, number % MAPS_EVERY == 0)) {
			if (!observed->call.seen || !gone_within(observed, SETTLE_NS))
				end_gently(observed, start);
			break;
		}
		pause = (own_cpu_ns() - begin) * LOOK_COST;
		pause = pause < LOOK_EVERY_NS ? LOOK_EVERY_NS : pause;
	}
	call_watch_end(&observed->call);
}

int start_once(const struct start_plan *plan, struct start *start)
{
	char **arguments = run_arguments(plan);
	int told = memfd_create("ragtime-told", MFD_CLOEXEC), status = 0;
	struct observed observed = {.pidfd = -1};

	*start = (struct start){.rss_first = -1, .rss_ready = -1, .rss_peak = -1};
	if (!arguments || told < 0) {
		free(arguments);
		return -ENOMEM;
	}
	fflush(NULL);
	observed.run = fork();
	if (observed.run == 0)
		become_run(plan, told, arguments);
	free(arguments);
	if (observed.run > 0)
		observed.pidfd = (int)syscall(SYS_pidfd_open, observed.run, 0);
	if (observed.pidfd < 0) {
		int err = -errno;

		close(told);
		return err;
	}
	watch(plan, start, &observed);
	while (waitpid(observed.run, &status, 0) < 0 && errno == EINTR)
		;
	start->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	start->told = read_told(told);
	close(observed.pidfd);
	close(told);
	return 0;
}
