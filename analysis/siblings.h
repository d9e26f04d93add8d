/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands below one parent of the tree: span rows and folded calls, equal neighbours put
 * together, the shortest left out where there are too many. While calls alternate on one object, as
 * in waiting for a connection and reading from it, those that are equal count as neighbours.
 */
#ifndef ANALYSIS_SIBLINGS_H
#define ANALYSIS_SIBLINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/tree.h"

struct parent {
	const int64_t
		*spans; /* a call or more of one group; of a thread its root, which may be 0 */
	size_t span_count;
	int64_t fold; /* in place of spans */
	int64_t thread;
	bool is_thread;
	bool matched; /* what is below matches with it */
};

struct group {
	int64_t id; /* of the first span, or of the fold */
	int64_t operation, object;
	int64_t next; /* of a wait that does not say for what: the connection used right after it */
	bool is_exchange;
	int64_t under; /* the operation around it, where that has no line, or 0 */
	int64_t start_ns, sum_ns, min_ns, max_ns, count, errors;
	int64_t active_ns;    /* of sum_ns: not suspended */
	int evidence, status; /* status -1: unknown */
	bool is_fold, is_poll, unfinished, has_children, matched;
	int64_t *ids; /* of all spans of it */
	size_t id_count, id_capacity;
};

struct siblings {
	struct group *groups; /* in the order of their starts */
	size_t count, capacity;
	int64_t more_count, more_ns; /* calls left out */
};

struct call_name {
	const char *name, *module, *object;
	const char *under; /* of the call around it that has no line, or NULL */
	bool is_runtime;   /* a function of a language runtime */
	bool is_next;	   /* the object is group->next's */
	unsigned object_kind;
	unsigned class;
	const char *story; /* of an exchange, else NULL */
};

struct siblings_source;

/* NULL when memory is out. Keeps the pointers. */
struct siblings_source *siblings_source_new(
	struct model *model, const struct run *run, const struct tree_options *options);
void siblings_source_free(struct siblings_source *source);

/* Whether anything of a thread would be shown. */
bool siblings_any(struct siblings_source *source, int64_t thread);

/* 0 or -errno. */
int siblings_read(
	struct siblings_source *source, const struct parent *parent, struct siblings *siblings);
void siblings_free(struct siblings *siblings);

/* Valid until the next call. */
const struct call_name *siblings_name(struct siblings_source *source, const struct group *group);

#endif
