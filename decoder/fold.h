/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call-tree aggregates: one node for all calls of one kind, on one object, under one parent node.
 * Every call is counted here, also those that become rows.
 *
 * The number of nodes is bounded. When a place is refused (0), the caller asks for a coarser one.
 */
#ifndef DECODER_FOLD_H
#define DECODER_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hist.h"
#include "lib/map.h"

#define FOLDS_MAX (1u << 18)
/* Objects told apart under one parent. */
#define FOLD_OBJECTS_MAX 4096

#define FOLD_MANY (-1) /* span_parent: more than one */

struct tally {
	uint64_t calls;
	uint64_t sum_ns;
	uint64_t min_ns, max_ns;
	struct hist hist;
};

enum fold_part { FOLD_ROWS, FOLD_FOLDED, FOLD_PARTS };

struct fold {
	uint32_t parent; /* 0: a root, which counts nothing */
	uint32_t child, next;
	uint32_t memo;	   /* the child asked for last */
	uint32_t children; /* that have an object */
	uint32_t kind;
	uint32_t object;
	uint32_t rows;
	int64_t id; /* of the row */
	int64_t first_row, last_row;
	int64_t span_parent; /* of the folded calls; 0: none yet */
	struct tally parts[FOLD_PARTS];
	uint64_t self_ns, errors, bytes, weight;
	uint64_t first_ns, last_ns;
};

struct folds {
	struct fold *nodes; /* number 0 is nobody */
	uint32_t count;
	uint32_t capacity;
	uint32_t unused; /* chain through next */
	uint32_t live;
	uint32_t max;
	struct map map; /* parent << 40 | kind << 24 | object */
	int64_t last_id;
	bool failed; /* memory ran out */
};

void folds_init(struct folds *folds, int64_t last_id);
void folds_free(struct folds *folds);

/* A root; 0 when memory is out. */
uint32_t folds_root(struct folds *folds);

uint32_t folds_find(struct folds *folds, uint32_t parent, uint32_t kind, uint32_t object);
/* 0 where the bounds (unless `force`) or memory say no. */
uint32_t folds_make(
	struct folds *folds, uint32_t parent, uint32_t kind, uint32_t object, bool force);

static inline struct fold *fold_at(const struct folds *folds, uint32_t number)
{
	return &folds->nodes[number];
}

/* One call. */
struct fold_call {
	uint64_t start_ns, end_ns;
	uint64_t self_ns;
	uint64_t bytes;
	uint32_t weight;
	bool failed;
};
void fold_add(struct fold *fold, enum fold_part part, const struct fold_call *call);
/* Where a folded call stands: a span, or FOLD_MANY. */
void fold_set_parent(struct fold *fold, int64_t span);

/* Told of each node that goes into another: rows of it must point to the other. */
typedef void fold_merged_fn(void *context, const struct fold *gone, const struct fold *into);

/*
 * Moves what is under the root `from` under `to` and frees the root. Where `to` has such a node
 * already the two become one. Folded calls that stood under span `was` stand under `becomes`.
 */
struct fold_move {
	uint32_t from, to;
	int64_t was, becomes;
	fold_merged_fn *merged;
	void *context;
};
void folds_move(struct folds *folds, const struct fold_move *move);

/* Calls `visit` for all nodes under a root, parents first, and frees them with the root. */
typedef void fold_visit_fn(void *context, const struct folds *folds, const struct fold *fold);
void folds_release(struct folds *folds, uint32_t root, fold_visit_fn *visit, void *context);

#endif
