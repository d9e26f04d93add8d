/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over a run's calls, parents before children, in the order of time: one line a call or a
 * group of equal ones. Holds at most a few hundred lines at a time, however long the trace is.
 */
#ifndef ANALYSIS_TREE_H
#define ANALYSIS_TREE_H

#include <regex.h>

#include "analysis/model.h"

enum tree_kind {
	TREE_PROCESS,
	TREE_THREAD,
	TREE_CALL,   /* `count` equal ones side by side */
	TREE_FOLDED, /* calls that have no rows of their own */
	TREE_MORE,   /* what the limits left out here */
};

struct tree_line {
	enum tree_kind kind;
	int64_t id; /* of the process, thread, first span or fold */
	const char *name, *module, *object;
	const char *under; /* the call around it, where that has no line */
	const char *object_kind;
	bool object_is_next; /* it says not what for it waited: the object is that of the next call
			      */
	const char *story;   /* of an exchange, else NULL */
	const char *class;   /* of an exchange: its operation class, else NULL */
	int64_t pid, tid;
	int64_t start_ns;
	int64_t duration_ns; /* of all together; of one that did not end: up to the trace's end */
	int64_t active_ns;   /* of that: not suspended, as coroutines are */
	int64_t min_ns, max_ns;
	int64_t count;
	int64_t errors;
	int64_t wall_ns; /* of the thread around it */
	int evidence;	 /* enum rt_evidence; -1: none is meant */
	int status;	 /* errno, 0, or -1 for unknown; of a process what it ended with */
	bool has_status;
	bool unfinished;
	bool is_runtime; /* a function of a language runtime: its errors are exceptions */
	bool last;	 /* of its siblings */
};

struct tree_options {
	int64_t min_ns;
	int64_t depth;	  /* of calls below a thread; 0: any */
	int64_t top;	  /* lines below one parent; 0: any number */
	int64_t pid, tid; /* 0: all */
	regex_t *grep;	  /* calls and objects; NULL: all */
	bool requests;	  /* only requests, with what is around and inside them */
	bool io;	  /* also the calls that carried an exchange */
};

/* Lines open and close like brackets: what stands between is inside. */
struct tree_sink {
	void (*open)(void *context, const struct tree_line *line);
	void (*close)(void *context, const struct tree_line *line);
	void *context;
};

/* 0 or -errno. Failures of queries stand in model_error. */
int tree_walk(struct model *model, const struct run *run, const struct tree_options *options,
	const struct tree_sink *sink);

#endif
