/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The traced threads as the kernel sees them: edges of one thread become its records, as a shim in
 * the process would have written them.
 */
#ifndef LOADER_KERNEL_TASKS_H
#define LOADER_KERNEL_TASKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loader/capture/ticks.h"
#include "loader/stream/pack.h"
#include "wire/kernel.h"

struct drain;
struct programs;
struct samples;
struct sockets;
struct tasks;

/* How the programs are to look at system calls. */
void calls_fill_settings(struct rk_settings *settings);

struct tasks *tasks_new(struct drain *drain, struct pack *pack, const struct ticks *ticks);
void tasks_free(struct tasks *tasks);
void tasks_set_sockets(struct tasks *tasks, struct sockets *sockets);
void tasks_set_programs(struct tasks *tasks, struct programs *programs);
void tasks_set_samples(struct tasks *tasks, struct samples *samples);

/* A shim tells of the processes themselves, and of their calls. */
void tasks_set_beside(struct tasks *tasks, bool beside);

/* Who wants to know what processes become. */
struct tasks_observer {
	void (*forked)(void *context, pid_t pid);
	void (*began)(void *context, pid_t pid); /* another program */
	void (*opened)(void *context, pid_t pid, const char *path);
	void (*ended)(void *context, pid_t pid);
	void *context;
};
void tasks_observe(struct tasks *tasks, const struct tasks_observer *observer);

/* A process that runs already, with all its threads; or its threads that are not known yet. */
void tasks_adopt(struct tasks *tasks, pid_t pid, uint64_t ns);

void tasks_edge(void *tasks, const struct rk_edge *edge);
void tasks_note(void *tasks, const struct rk_note *note);

/* Payload is told from when its call begins: the first of those that are sending now, or `latest`,
 * ns. One that takes longer than a second is not waited for. */
uint64_t tasks_sending_since(const struct tasks *tasks, uint64_t latest);

/* Gives what is ready to the stream. */
void tasks_flush(struct tasks *tasks);

/* Every second: calls that are counted only; what was lost, by thread, by `drops`. */
typedef uint64_t tasks_drops_fn(void *context, uint32_t tid);
void tasks_sample(struct tasks *tasks);
uint64_t tasks_tell_drops(struct tasks *tasks, tasks_drops_fn *drops, void *context,
	uint64_t from_ns, uint64_t to_ns);

/* Calls that have not ended, threads that live on. */
void tasks_finish(struct tasks *tasks);

/* Nothing is seen for a while from now, or again from now on: what is open is not known any more.
 * Calls `process` with each process there is. */
typedef void tasks_process_fn(void *context, pid_t pid);
void tasks_restart(struct tasks *tasks, uint64_t ns, tasks_process_fn *process, void *context);

/* Payload bytes that were not copied, so far. */
uint64_t tasks_cut(const struct tasks *tasks);

/* Asks the system. */
bool tasks_have_live(const struct tasks *tasks);

/* The record of a mark that stands alone, in a thread of this process, if one is known. */
struct rt_bytes_of {
	const void *bytes;
	size_t size;
	unsigned type; /* enum rt_tail_type */
	uint32_t info;
};
void tasks_mark(struct tasks *tasks, pid_t pid, const struct rt_record *mark,
	const struct rt_bytes_of *tail);

/* Nanoseconds of the kernel's clock as ticks of records. */
uint64_t tasks_ticks(const struct tasks *tasks, uint64_t ns);

#endif
