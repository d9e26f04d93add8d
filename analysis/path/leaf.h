/* SPDX-License-Identifier: Apache-2.0 */
/* What a section of a path was spent on, by class: the waits of vocabulary.def. */
#ifndef ANALYSIS_PATH_LEAF_H
#define ANALYSIS_PATH_LEAF_H

#include "analysis/path/critical.h"

/*
 * Adds a section of a request or of a call that waits, by class. A request's time is split at its
 * moments: sent, first byte or token, last token.
 */
void leaf_add(const struct graph *graph, const struct section_of_path *section,
	int64_t leaves[WAIT_CLASSES]);

/* True for all others, which spend time themselves: theirs is gathered by node, then added. */
bool leaf_is_own(const struct node *node);

/*
 * Adds `own_ns` of a node's own time: calls without rows, which have no place in time, are charged
 * their share of it; the rest is CPU time in the part that its process had, else unknown.
 */
void leaf_add_own(const struct graph *graph, const struct node *node, int64_t own_ns,
	int64_t leaves[WAIT_CLASSES]);

#endif
