/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the shared region into the stream: finds new threads, copies what each has recorded, notices
 * the dead, accounts for what was lost. All of it in one thread of the tracer; no call blocks.
 */
#ifndef LOADER_CAPTURE_DRAIN_H
#define LOADER_CAPTURE_DRAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loader/capture/processes.h"
#include "loader/capture/rings.h"
#include "loader/capture/ticks.h"
#include "loader/stream/pack.h"

struct drain;

/* All three are borrowed until drain_free. */
struct drain *drain_new(struct region *region, struct ticks *ticks);
void drain_free(struct drain *drain);

/* The pack's callback; its context is the drain. */
void drain_mark(void *context, uint32_t thread, const struct rt_record *record, const uint8_t *tail,
	size_t tail_size, unsigned tail_type);
void drain_set_pack(struct drain *drain, struct pack *pack);

/* Where payload excerpts go; without it they are dropped. */
struct connections;
void drain_set_connections(struct drain *drain, struct connections *connections);

void drain_set_target(struct drain *drain, pid_t pid);

/* Trace this process alone: what others record is thrown away. */
void drain_follow_only(struct drain *drain, pid_t pid);

/* One pass over all rings. The number of records read. */
uint64_t drain_pass(struct drain *drain);

/*
 * Every quarter of a second or so, and when many threads are new: notices those that ended without
 * saying so.
 */
bool drain_is_tight(const struct drain *drain);
void drain_check_threads(struct drain *drain);

/* Every second: usage of processes, counted calls, the region's own counts. */
void drain_sample(struct drain *drain);

/* Usage of a process that has ended and is not reaped yet. */
void drain_sample_last(struct drain *drain, pid_t pid);

/* What is known of the end of a process that the tracer itself has waited for. */
void drain_process_ended(struct drain *drain, pid_t pid, int64_t status);

/* The exit status that the target has told itself; -1 where it has told none. */
int drain_target_status(const struct drain *drain);

/* The last pass: open calls, final counts, ends. */
void drain_finish(struct drain *drain);

struct drain_totals {
	uint64_t records;
	uint64_t passes;
	uint64_t lost;
	uint64_t damaged;
	uint32_t threads; /* seen so far */
	uint32_t live_threads;
	uint32_t processes;
	uint64_t first_ticks; /* of the first process_start mark; 0: none yet */
};
void drain_totals(const struct drain *drain, struct drain_totals *totals);

/* Asks the system: is a thread that was followed still there? */
bool drain_has_live(const struct drain *drain);

#endif
