/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process's descriptors and library handles stand for, at any moment of a block.
 *
 * The calls that change them (open, close, connect, accept, dup, fork...) are replayed first, over
 * all threads in the order of time: what makes a descriptor counts from its end, what closes one
 * from its start. Then any call of the block asks by its own time. Between blocks the order is that
 * of the blocks: of two threads that share a descriptor, one may be a drain pass ahead.
 */
#ifndef DECODER_DESCRIPTOR_H
#define DECODER_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/objtab.h"

/* The table of one process. */
struct descriptors;

struct descriptors *descriptors_new(void);
/* What fork and exec hand on: as of the last change replayed. NULL when memory is out. */
struct descriptors *descriptors_copy(const struct descriptors *from);
void descriptors_free(struct descriptors *table);

/* Times are rounded: of calls that share one, their place in the block decides. */
struct instant {
	uint64_t time;
	uint64_t order;
};

/* The changes of the block at hand, of all processes. */
struct changes {
	struct change {
		struct instant when;
		uint64_t key;
		struct descriptors *table;
		uint32_t object;
		uint32_t place; /* in the order of their coming */
	} * list;
	size_t count;
	size_t capacity;
	uint32_t block; /* counts up */
	bool failed;	/* memory ran out */
};

void changes_free(struct changes *changes);
/* Forgets the changes of the block before. */
void changes_start(struct changes *changes);
/* After the last set: makes the past of the block ready to be asked for. */
void changes_sort(struct changes *changes);

/* Keys: a descriptor's number, or descriptor_handle of a library's object. */
static inline uint64_t descriptor_handle(uint64_t address)
{
	return address | 1ull << 63;
}

/* From then on `key` stands for `object`; 0: closed. Instants must not go back. */
void descriptors_set(struct changes *changes, struct descriptors *table, uint64_t key,
	struct instant when, uint32_t object);

/* Stands for a descriptor that was closed, and came back unseen. */
#define OBJECT_CLOSED UINT32_MAX

/* The object as of the last change replayed; 0: never seen; OBJECT_CLOSED. */
uint32_t descriptors_now(const struct descriptors *table, uint64_t key);
/* The object just before an instant of this block. */
uint32_t descriptors_at(const struct changes *changes, const struct descriptors *table,
	uint64_t key, struct instant when);

/* A place to keep the object that stands for a descriptor while it is not known what it is: never
 * seen, or closed and back unseen. NULL when memory is out. */
uint32_t *descriptors_stand_in(struct descriptors *table, uint64_t key, bool closed);

#endif
