/* SPDX-License-Identifier: Apache-2.0 */
/* The processes and threads of one run: who they are, and their root spans. */
#ifndef DECODER_ACTOR_H
#define DECODER_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/descriptor.h"
#include "decoder/level.h"
#include "lib/map.h"

struct process {
	uint32_t id; /* as in the stream */
	uint32_t pid, parent_pid;
	uint32_t birth;
	char *program, *script;
	uint64_t start, end; /* ticks; 0: unknown, or it runs */
	int64_t status;
	bool status_known;
	int64_t row, span;
	int64_t maker;		      /* row of the span by which it was started, or 0 */
	struct process *parent;	      /* the one that started it, where it is in the trace */
	struct process *image_before; /* the same process before exec */
	struct descriptors *descriptors;
	uint64_t first, last; /* ticks of its calls */
	uint32_t block;	      /* the last one that had calls of it */
};

struct thread {
	uint32_t id;
	uint32_t tid, creator_tid;
	struct process *process;
	char *name;
	uint64_t start, end;
	uint64_t first, last; /* ticks of its calls */
	uint64_t calls;
	uint64_t unpaired; /* calls whose parent never came */
	uint64_t unfinished;
	uint64_t unknown_kinds;
	int64_t row, span;
	uint32_t fold;	/* root of its call tree */
	uint32_t block; /* the last one that had calls of it */
	struct levels levels;
};

struct actors {
	struct process **processes;
	size_t process_count, process_capacity;
	struct thread **threads;
	size_t thread_count, thread_capacity;
	struct map process_by_id, thread_by_id; /* to index + 1 */
	struct map process_by_pid;		/* the latest one */
};

void actors_free(struct actors *actors);

/* Made where they are new. NULL when memory is out. */
struct process *actors_process(struct actors *actors, uint32_t id, bool *made);
struct thread *actors_thread(struct actors *actors, uint32_t id, bool *made);

/* NULL where there is none. */
struct thread *actors_find_thread(const struct actors *actors, uint32_t id);
struct process *actors_find_process(const struct actors *actors, uint32_t id);

/* Once its pid, birth and start are set: finds parent and image_before, and takes the pid. */
void actors_place(struct actors *actors, struct process *process);

/* Keeps a copy where the text is not empty and differs. */
void actors_set_text(char **place, const char *text);

#endif
