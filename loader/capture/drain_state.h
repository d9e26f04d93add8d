/* SPDX-License-Identifier: Apache-2.0 */
/* What drain.c and drain_watch.c share, and nobody else may know. */
#ifndef LOADER_CAPTURE_DRAIN_STATE_H
#define LOADER_CAPTURE_DRAIN_STATE_H

#include "loader/capture/drain.h"
#include "loader/capture/thread.h"

struct drain {
	struct region *region;
	struct ticks *ticks;
	struct pack *pack;
	struct connections *connections;
	struct processes processes;
	struct thread *by_slot[RT_SLOTS_MAX];
	struct thread *found[RT_SLOTS_MAX]; /* of one look for new ones: too much for a stack */
	struct thread *live[RT_SLOTS_MAX];
	uint32_t live_count;
	uint32_t adopted; /* since the last look at the living */
	uint32_t last_thread_id;
	struct thread *current; /* whose records the pack is reading */
	pid_t follow_only;	/* 0: all */
	pid_t target;
	int target_status;  /* what it said of its end; -1: nothing yet */
	uint64_t pid_space; /* of our own PID namespace */
	uint64_t now_ns;
	uint64_t settled; /* marks up to here are in order: of the last pass, for the next */
	uint64_t told_no_slot, told_untraced, told_refused;
	uint64_t told_ns;
	struct thread *outside;	  /* threads whose records come by another way */
	uint64_t outside_settled; /* 0: nothing comes from outside */
	pid_t last_sampled;	  /* of the processes */
	uint32_t next_sampled;	  /* of the threads: in `live` */
	struct drain_totals totals;
	struct rt_record records[RT_CHUNK_RECORDS]; /* out of the target's reach */
};

/* Its thread is gone: tells the rest and frees its slot. killed: it may have left calls open. */
void drain_retire(struct drain *drain, struct thread *thread, bool killed);

/* The same thread as the other way of capture knows it; NULL: it does not. */
struct thread *outside_find(const struct drain *drain, const struct thread *thread);

bool drain_thread_lives(const struct drain *drain, const struct thread *thread);

#endif
