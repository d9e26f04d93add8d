/* SPDX-License-Identifier: Apache-2.0 */
/* Signals and job control. */
#include "loader/target/job.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Seconds in which a program that tidies up first stops itself. */
#define STOP_TAKES 2

/* Faults of our own must not be put off. */
static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

/*
 * The two signals that libc keeps for itself, and lets nobody ask about. Its posix_spawn hands them
 * on ignored; the first thread of a process gives one a handler, and so an exec the default.
 */
#define OWN_FIRST 32
#define OWN_COUNT 2

struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static long own_action(int index, const struct kernel_action *set, struct kernel_action *was)
{
	return syscall(SYS_rt_sigaction, OWN_FIRST + index, set, was, sizeof(set->mask));
}

static unsigned read_own(void)
{
	unsigned ignored = 0;

	for (int i = 0; i < OWN_COUNT; i++) {
		struct kernel_action was = {0};

		if (!own_action(i, NULL, &was) && was.handler == (void *)SIG_IGN)
			ignored |= 1u << i;
	}
	return ignored;
}

static void restore_own(unsigned ignored)
{
	const struct kernel_action ignore = {.handler = (void *)SIG_IGN};

	for (int i = 0; i < OWN_COUNT; i++) {
		if (ignored & 1u << i)
			own_action(i, &ignore, NULL);
	}
}

int job_open(struct job *job, bool detached)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t all;

	memset(job, 0, sizeof(*job));
	job->detached = detached;
	job->own_ignored = read_own();
	job->signals = job->pidfd = -1;
	sigfillset(&all);
	for (size_t i = 0; i < sizeof(synchronous) / sizeof(synchronous[0]); i++)
		sigdelset(&all, synchronous[i]);
	if (sigprocmask(SIG_SETMASK, &all, &job->mask_before) < 0)
		return -errno;
	/* where children are ignored, they cannot be waited for */
	if (sigaction(SIGCHLD, &usual, &job->child_before) < 0)
		return -errno;
	job->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	return job->signals < 0 ? -errno : 0;
}

void job_close(struct job *job)
{
	if (job->signals >= 0)
		close(job->signals);
	if (job->pidfd >= 0)
		close(job->pidfd);
	job->signals = job->pidfd = -1;
}

void job_restore(const struct job *job)
{
	restore_own(job->own_ignored);
	sigaction(SIGCHLD, &job->child_before, NULL);
	sigprocmask(SIG_SETMASK, &job->mask_before, NULL);
}

int job_began(struct job *job, pid_t pid)
{
	job->pid = pid;
	if (!job->detached)
		return 0;
	job->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return job->pidfd < 0 ? -errno : 0;
}

static bool is_stop(int signal)
{
	return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static bool tells_to_end(int signal)
{
	return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
}

/* Blocked and ignored signals are as they were given to us: the target inherits them. */
static bool would_have_ended(const struct job *job, int signal)
{
	struct sigaction action;

	return !sigismember(&job->mask_before, signal) && !sigaction(signal, NULL, &action) &&
		action.sa_handler != SIG_IGN;
}

static bool target_is_stopped(const struct job *job)
{
	char path[32], text[256];
	const char *after_name;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)job->pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	after_name = strrchr(text, ')');
	return after_name && !strncmp(after_name, ") T", 3);
}

/* The whole group was told to stop and the target has: so do we, until somebody continues us. */
static void stop_with_target(struct job *job)
{
	int signal = job->stop_signal;
	sigset_t set;

	job->stop_signal = 0;
	sigemptyset(&set);
	sigaddset(&set, signal);
	if (kill(getpid(), signal) < 0)
		return;
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* here it stops */
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* a continuation of the group has reached the target too; one of us alone has not */
	if (target_is_stopped(job))
		kill(job->pid, SIGCONT);
	job->stopped_by = 0;
}

static void reap(struct job *job)
{
	siginfo_t info = {0};
	int status;
	pid_t pid;

	if (job->before_reaping && !job->ended &&
		!waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid)
		job->before_reaping(job->context);
	/* as PID 1 we are given orphans too */
	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
		if (pid != job->pid)
			continue;
		if (WIFSTOPPED(status)) {
			job->stopped_by = WSTOPSIG(status);
		} else if (WIFCONTINUED(status)) {
			job->stopped_by = 0;
		} else {
			job->ended = true;
			job->wait_status = status;
		}
	}
}

static void take_signal(struct job *job, const struct signalfd_siginfo *info)
{
	int signal = (int)info->ssi_signo;
	bool for_us_alone = info->ssi_code <= 0; /* sent by a process, not by the kernel */

	if (signal == SIGCHLD) {
		if (!job->detached)
			reap(job);
		return;
	}
	if (!job->pid) {
		if (tells_to_end(signal) && would_have_ended(job, signal))
			job->early_signal = signal;
		return;
	}
	if (job->detached) {
		if (tells_to_end(signal))
			job->asked_to_stop++;
		return;
	}
	if (signal == SIGCONT) {
		job->stop_signal = 0;
		if (target_is_stopped(job))
			kill(job->pid, SIGCONT);
		return;
	}
	if (is_stop(signal)) {
		job->stop_signal = signal;
		job->stop_due = time(NULL) + STOP_TAKES;
	}
	/* what the target sends to its group, it has already sent to itself */
	if ((pid_t)info->ssi_pid == job->pid)
		return;
	/* of a terminal that goes away the kernel tells the session's leader, nobody else */
	if (signal == SIGHUP && getsid(0) == getpid())
		for_us_alone = true;
	if (!for_us_alone || job->ended || signal == SIGPIPE || signal == SIGXFSZ)
		return;
	if (info->ssi_code == SI_QUEUE)
		sigqueue(job->pid, signal, (union sigval){.sival_ptr = (void *)info->ssi_ptr});
	else
		kill(job->pid, signal);
}

void job_signals(struct job *job)
{
	struct signalfd_siginfo info;

	while (read(job->signals, &info, sizeof(info)) == sizeof(info))
		take_signal(job, &info);
	/* a target that took no notice, and is stopped much later, was not stopped by that */
	if (job->stop_signal && time(NULL) > job->stop_due)
		job->stop_signal = 0;
	if (job->stop_signal && job->stopped_by)
		stop_with_target(job);
}

void job_poll_end(struct job *job)
{
	struct pollfd poll_end = {.fd = job->pidfd, .events = POLLIN};

	if (job->pidfd >= 0 && poll(&poll_end, 1, 0) > 0)
		job->ended = true;
}

int job_exit_code(const struct job *job)
{
	if (WIFSIGNALED(job->wait_status))
		return 128 + WTERMSIG(job->wait_status);
	return WEXITSTATUS(job->wait_status);
}
