/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target as a job: its signals, stops, continuations and its end, passed on as if ragtime were
 * not in between.
 *
 * Signals that the terminal or the kernel sent reach the target by themselves (it is in the same
 * process group) and are ignored here; those that somebody sent to ragtime alone are forwarded.
 */
#ifndef LOADER_TARGET_JOB_H
#define LOADER_TARGET_JOB_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct job {
	pid_t pid;
	bool detached; /* not our child: --exec */
	int signals;   /* signalfd; readable: call job_signals */
	int pidfd;     /* of a detached target; readable: call job_poll_end */
	bool ended;
	unsigned asked_to_stop; /* how often a detached tracer was told to end */
	int wait_status;
	/* Called when the child has ended and /proc still knows it; NULL: nobody wants to know. */
	void (*before_reaping)(void *context);
	void *context;
	int early_signal; /* told to end before there was a target; 0: not */
	int stop_signal;  /* a stop of the whole group that is due or in force; 0: none */
	time_t stop_due;  /* until when the target may follow it */
	int stopped_by;	  /* the target's own state */
	sigset_t mask_before;
	struct sigaction child_before;
	unsigned own_ignored; /* of libc's own two signals, as bits: what make and others hand on */
};

/* Before the target is started: takes over this process's signals. 0 or -errno. */
int job_open(struct job *job, bool detached);
void job_close(struct job *job);

/* In the child, before exec: dispositions and mask as they were given to ragtime. */
void job_restore(const struct job *job);

/* The target runs: `pid` is a child, or in detached mode some process. */
int job_began(struct job *job, pid_t pid);

/* Handles what has arrived; may stop this process together with the target. */
void job_signals(struct job *job);
void job_poll_end(struct job *job);

/* Of an ended job, as a shell would say it; 0 where a detached target's is not known. */
int job_exit_code(const struct job *job);

#endif
