/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes, threads and functions of a run, as long as blocks may have to name them. Texts are
 * redacted on the way in. Used by pack.c alone.
 *
 * A row goes into a Batch when its calls do, and once more whenever it changed.
 */
#ifndef LOADER_STREAM_KNOWN_H
#define LOADER_STREAM_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/map.h"
#include "loader/stream/batch.h"
#include "loader/stream/operations.h"
#include "loader/stream/pack.h"
#include "loader/stream/texts.h"

struct known_process {
	struct pack_process facts;
	char *program, *script; /* redacted; facts' own pointers are not used */
	uint32_t threads;
	bool due; /* for the next Batch */
};

/* How long calls take: binary digits of their durations, and of how many; older ones weigh less. */
struct typical {
	uint64_t digits, samples;
};

struct known_thread {
	struct pack_thread facts;
	char *name;
	uint32_t rate;
	struct typical typical;
	bool due;
	bool ended;		 /* to be forgotten after the next Batch */
	struct section *section; /* of the Batch in the making */
	uint64_t edge;		 /* where its calls so far end, as stored, ticks; 0: no calls */
	uint32_t last_depth;	 /* of the last of them */
	unsigned shift;		 /* of the unit that its times are kept in */
};

/* Notes where the thread's calls have got to in its section. */
static inline void known_look_back(struct known_thread *thread)
{
	if (!thread->section)
		return;
	thread->edge = columns_end(&thread->section->columns);
	thread->last_depth = thread->section->columns.depth;
}

struct known {
	struct texts *texts;
	struct map process_places; /* id to index + 1 */
	struct map thread_places;
	struct known_process *processes;
	struct known_thread *threads;
	struct operations operations;
	size_t process_count, process_capacity;
	size_t thread_count, thread_capacity;
	bool due; /* something is */
};

int known_init(struct known *known);
void known_free(struct known *known);

int known_put_process(struct known *known, const struct pack_process *facts);
int known_put_thread(struct known *known, const struct pack_thread *facts);
/* Made on the spot where nobody declared it; NULL when memory is out. Valid until the next put. */
struct known_thread *known_thread(struct known *known, uint32_t id);
void known_forget_thread(struct known *known, uint32_t id);

/* A call of this kind is in the Batch: so will be its row. */
static inline void known_use_operation(struct known *known, uint32_t kind)
{
	operations_use(&known->operations, kind);
}

/* The Batch speaks of it. 0 is none. */
void known_use_thread(struct known *known, uint32_t id);
void known_use_process(struct known *known, uint32_t id);

/* Everything there is will go into the next Batch. */
void known_repeat_all(struct known *known);

/* Adds the rows that are due to the Batch. */
void known_fill(struct known *known, struct batch *batch);

/* The Batch is gone: drops what has ended. */
void known_sweep(struct known *known);

#endif
