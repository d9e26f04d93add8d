/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer's side of the shared region (wire/ring.h): makes it, reads the threads' rings out of
 * it, gives chunks and slots back. Whatever the target may have scribbled on is copied and checked
 * before use; geometry and ownership are kept here, in memory that the target cannot reach.
 */
#ifndef LOADER_CAPTURE_RINGS_H
#define LOADER_CAPTURE_RINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/ring.h"

#define REGION_SIZE_MAX ((uint64_t)64 << 20)
#define MEMORY_SHARE 20 /* the region is at most one part in so many of the target's memory */

struct region {
	int fd;
	uint64_t size;
	uint64_t cookie;
	uint32_t slots;
	uint32_t chunks;
	uint32_t slots_filled;	/* slots whose pages exist */
	uint32_t filled;	/* the first chunks: their pages exist */
	struct rt_region *head; /* shared from here */
	struct rt_slot *slot;
	struct rt_chunk *chunk;
	uint32_t *owner; /* by chunk: slot + 1 of the ring that is being read there */
	uint8_t *orphan; /* by chunk: sweeps in a row that found it without an owner */
};

/*
 * Makes the region within `limit` bytes (and REGION_SIZE_MAX), with pages for its head and a first
 * few slots and chunks: the target waits for this. 0 or -errno.
 */
int region_make(struct region *region, uint64_t limit);
/* The same in an empty memfd that may be sealed; it is taken over, on failure too. */
int region_make_in(struct region *region, uint64_t limit, int fd);
void region_free(struct region *region);

/* When all is drained: nothing that passed through is left for whoever still maps the region. */
void region_wipe(struct region *region);

/* Closes the descriptor: programs started from now on do not find the region. */
void region_hide(struct region *region);

/* Gives pages to some more slots and to the next `chunks` chunks, so that the target need not wait
 * for them; false when all have some. */
bool region_fill(struct region *region, uint32_t chunks);

uint32_t region_free_chunks(const struct region *region);

/* One thread's ring: where its reader stands. */
struct ring {
	uint32_t slot;
	uint32_t generation;
	uint32_t chunk; /* index + 1; 0 before the first */
	uint32_t at;	/* records read there */
	bool damaged;
};

void ring_open(struct ring *ring, uint32_t slot, uint32_t generation);

/*
 * Copies the next published records into `out`, which holds RT_CHUNK_RECORDS of them, and gives
 * back the chunks it is through with. The number of records; 0: nothing new; -EBADMSG: the ring is
 * damaged and stays so.
 */
int ring_read(struct ring *ring, struct region *region, struct rt_record *out);

/* Its thread is gone: chunks and slot are free for another. */
void ring_release(struct ring *ring, struct region *region);

/*
 * Takes back chunks that dead threads claimed and never linked. `live` tells whether that
 * generation of a slot may still write. Cheap; call it every second or so.
 */
typedef bool region_live_fn(void *context, uint32_t slot, uint32_t generation);
void region_sweep(struct region *region, region_live_fn *live, void *context);

#endif
