/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the folded calls of a run stand in the tree: below a span, below a line of folded calls, or
 * below their thread.
 */
#ifndef ANALYSIS_FOLD_TREE_H
#define ANALYSIS_FOLD_TREE_H

#include "analysis/model.h"

enum fold_place { FOLD_BELOW_THREAD, FOLD_BELOW_SPAN, FOLD_BELOW_FOLD };

struct fold_node {
	int64_t id, parent, thread, operation, object;
	int64_t folded, sum_ns, min_ns, max_ns, errors, first_ns, span_parent;
	unsigned wait; /* enum rt_wait */
	enum fold_place place;
	int64_t place_id; /* of the thread, span or fold */
	int64_t under;	  /* the operation around it, where `place` is not directly that; else 0 */
};

/* Numbers of WAIT words (wire/vocabulary.def) stay below this. */
#define WAIT_CLASSES 64

struct fold_tree;

/* Those of a run that have folded calls. NULL when memory is out. */
struct fold_tree *fold_tree_new(struct model *model, int64_t run);
void fold_tree_free(struct fold_tree *tree);

/* Those at one place, in the order of time: `*count` of them. */
const struct fold_node *fold_tree_at(
	const struct fold_tree *tree, enum fold_place place, int64_t id, size_t *count);

/* All, in the order of places. */
const struct fold_node *fold_tree_all(const struct fold_tree *tree, size_t *count);

/* Adds their own times by what they waited for, inner ones included; the sum of the outermost. */
int64_t fold_tree_waits(const struct fold_tree *tree, enum fold_place place, int64_t id,
	int64_t waits[WAIT_CLASSES]);

#endif
