/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shim knows of the process it is in: who it is, its threads' private state, and how its
 * births and deaths are announced. All of it lies in memory that a forked child finds zeroed.
 */
#ifndef PRELOAD_PROCESS_H
#define PRELOAD_PROCESS_H

#include "preload/emit.h"

struct rt_process {
	__u32 pid;    /* 0: forked, and no call was seen since */
	__u32 used;   /* threads[] beyond were never in use */
	__u32 shares; /* its memory with a vfork child */
	__u8 pad[52];
	struct rt_thread threads[]; /* by slot index */
};

extern HIDDEN struct rt_process *rt_process;

/* Inode of this process's PID namespace, by which the tracer knows whether pids mean to it the
 * same. */
extern HIDDEN __u64 process_pid_space;

/* Made once, by the constructor. 0 or -errno. */
COLD int process_open(unsigned slots);

/* The region is given up: who still holds a place in it finds that out in its next call. */
COLD void process_leave(void);
COLD bool thread_is_left(const struct rt_thread *thread);

/* From here on the ends of threads and the exit status are seen. */
COLD void process_watch(void);

/* In the first call after a fork, true, once: the process is given its own identity. */
COLD bool process_is_forked(void);

/* Is this process to be recorded? A forked child is not where the tracer does not follow. */
COLD bool process_follows(void);
COLD void process_used(unsigned threads);

/* From here on another process may run in this one's memory, as after vfork. */
COLD void process_shares(void);

/* Is it a vfork child that runs here now? What it does to descriptors is not this process's doing.
 */
COLD bool process_is_guest(void);

/* Writes what must precede a new slot's first record. */
COLD void thread_announce(bool process_is_forked);

/* A thread begins: claims its slot, where the tracer is on, and sees to its end. */
COLD void thread_begin(void);

/* The kernel's id of the calling thread. */
COLD __u32 thread_id(void);

/* A jump to a frame at stack pointer `to`: calls and emissions that it leaves are over. */
COLD void thread_jumps(uintptr_t to);

/*
 * To be called before a system call that may forbid this thread the time stamp counter, whose use
 * then kills: strict seccomp does, and prctl(PR_SET_TSC). If so, the thread is no longer recorded.
 */
COLD void clock_forbid(long number, unsigned long first, unsigned long second);
COLD bool clock_is_forbidden(void);

/* The calling thread's slot is given back. */
COLD void thread_release(void);

/* The calling process is new by a way that only its caller knows. */
COLD void process_begin(enum rt_birth birth);

/* No more is recorded in this process. */
COLD void region_leave(void);

/* The process ends. With `at_once`, no code of it runs any more, and its slots are given back. */
COLD void process_end(int status, bool at_once);

#endif
