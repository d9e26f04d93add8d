/* SPDX-License-Identifier: Apache-2.0 */
/* What tasks.c (who they are) and calls.c (what they do) share. */
#ifndef LOADER_KERNEL_TASK_STATE_H
#define LOADER_KERNEL_TASK_STATE_H

#include "lib/map.h"
#include "loader/kernel/tasks.h"
#include "wire/event.h"
#include "wire/ring.h"

#define TASK_OPEN 16
#define TASK_RECORDS 128
#define TASK_DATA 64

/* A call that has begun. */
struct task_call {
	uint64_t ns;
	uint64_t value;
	uint32_t low;
	uint16_t number; /* of the system call; the event of a library's function */
	bool library;
};

struct task {
	struct tasks *all;
	struct thread *thread; /* the drain's */
	pid_t tid, pid;
	uint64_t known_ns; /* since when it is watched */
	bool adopted;	   /* it ran before */
	bool began;	   /* an edge of it has been seen */
	unsigned depth;
	struct task_call open[TASK_OPEN];
	uint64_t off_ns; /* left the processor; 0: it is on one, as far as is known */
	uint32_t off_state;
	/* notes of the call whose exit is due */
	uint64_t notes_ns;
	const struct rk_note *tail, *ends;
	struct rt_tcp tcp; /* of the connection that the call closes that begins at tcp_ns */
	uint64_t tcp_ns;
	const struct rk_note *data[TASK_DATA];
	unsigned data_count;
	bool made_thread; /* the birth in progress */
	struct rt_count counts[RT_COUNTED_MAX];
	bool counts_changed;
	struct rt_record records[TASK_RECORDS];
	unsigned record_count;
	bool in_flush;
	struct task *next_flush;
};

struct tasks {
	struct drain *drain;
	struct pack *pack;
	const struct ticks *ticks;
	struct sockets *sockets;
	struct programs *programs;
	struct samples *samples; /* NULL: none are taken */
	struct tasks_observer observer;
	struct map by_tid; /* to struct task * */
	struct task *flush;
	uint64_t cut; /* payload bytes that were not copied */
	bool beside;  /* a shim tells of processes and calls */
	struct rt_record large[1 + (RT_TAIL_HEAD + RT_TAIL_MAX + RT_SLOT_SIZE - 1) / RT_SLOT_SIZE];
};

/* calls.c */
uint32_t calls_kind(const struct task_call *call);
uint64_t calls_open_arg(const struct task_call *call);
bool calls_sends(const struct task_call *call);
void task_enter(struct task *task, const struct rk_edge *edge);
void task_exit(struct task *task, const struct rk_edge *edge);
void task_call(struct task *task, const struct rk_note *note);
void task_return(struct task *task, const struct rk_note *note);
void task_freed(struct task *task, const struct rk_note *note);
/* The exec that is open has come true. */
void task_exec_done(struct task *task, const struct rk_note *note);
void task_forget_notes(struct task *task);
/* Start and duration, from two moments in ns. */
void task_times(const struct task *task, struct rt_record *record, uint64_t from, uint64_t to);

/* waits.c */
void task_off(struct task *task, const struct rk_edge *edge);
void task_on(struct task *task, const struct rk_edge *edge);

/* tasks.c */
void task_put(struct task *task, const struct rt_record *record, const struct rt_bytes_of *tail);
void task_flush(struct task *task);

#endif
