/* SPDX-License-Identifier: Apache-2.0 */
/* One traced thread: its ring, and what of its slot has already been told to the stream. */
#ifndef LOADER_CAPTURE_THREAD_H
#define LOADER_CAPTURE_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loader/capture/processes.h"
#include "loader/capture/rings.h"
#include "loader/stream/pack.h"

struct thread {
	struct ring ring;
	struct process *process;
	uint32_t id; /* of this run, from 1; 0: not followed, its records are thrown away */
	struct process_name of; /* its process, as its slot says */
	pid_t tid;
	pid_t creator_tid;
	char name[32];
	uint64_t start_ticks;
	uint64_t end_ticks;
	bool fresh;   /* nothing read yet */
	bool changed; /* to be declared again */
	bool busy;    /* has recorded something since the last look at the living */
	bool exits;   /* its slot says that it ends */
	/* its id is that of the same thread as the region has it, which is told of there */
	bool guest;
	struct thread *next_outside; /* of those whose records come by another way */
	bool gone;		     /* another program has taken its process's place */
	bool told_damage;
	uint64_t exits_ns;
	uint64_t told_lost, told_nested, told_cut;
	uint64_t told_ns; /* when these were last looked at */
	struct rt_count told_counts[RT_COUNTED_MAX];
};

void thread_declare(const struct thread *thread, struct pack *pack);

/* What was dropped since the last look. The number of records among it. */
uint64_t thread_tell_losses(
	struct thread *thread, const struct region *region, struct pack *pack, uint64_t now_ns);

/* Calls that are counted only, where the counts have changed. */
void thread_tell_counts(struct thread *thread, const struct region *region, struct pack *pack);

/* Calls that have begun and not ended. */
void thread_tell_open(const struct thread *thread, const struct region *region, struct pack *pack);

/* False for one that only waits to be reaped, too. */
bool thread_exists(pid_t pid, pid_t tid);

#endif
