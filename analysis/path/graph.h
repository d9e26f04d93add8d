/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spans of one run as a graph in memory: what the critical path, the replay and the detectors
 * walk on. Nodes stand in the order of their ids; the children of a node in the order of starts,
 * and once more in the order of ends.
 *
 *   graph_new loads, settle() (settle.h) moves what stands beside its cause below it, graph_link
 *   makes the lists of children. Calls without rows of their own are in a fold_tree beside it.
 */
#ifndef ANALYSIS_PATH_GRAPH_H
#define ANALYSIS_PATH_GRAPH_H

#include "analysis/fold_tree.h"
#include "analysis/model.h"
#include "lib/map.h"
#include "lib/strtab.h"
#include "wire/event.h"

#define NODE_NONE UINT32_MAX

enum node_flag {
	NODE_FAILED = 1,
	NODE_UNFINISHED = 2, /* its end is the run's */
	NODE_HIDDEN = 4,     /* below a request that explains it: in no list of children */
	NODE_SERVER = 8,     /* a request that the traced process answers */
	NODE_ADOPTED = 16,   /* its parent is inferred here */
	NODE_THREAD = 32,    /* root of a thread */
	NODE_TIMER = 64,     /* a wait for events in which none came */
	NODE_ANSWERED = 128, /* a request whose other end is in the trace */
};

struct node {
	int64_t id, start_ns, end_ns;
	uint32_t parent;	      /* NODE_NONE: a root */
	uint32_t first, child_count;  /* in graph.by_start and graph.by_end */
	uint32_t operation;	      /* in graph.operations */
	uint32_t thread;	      /* in graph.threads; NODE_NONE of processes */
	uint32_t object;	      /* row id; 0: none */
	uint32_t request;	      /* in graph.requests; NODE_NONE: it is none */
	uint32_t cause;		      /* the request that this call is a part of; NODE_NONE: none */
	uint8_t kind, wait, evidence; /* vocabulary.def */
	uint8_t flags;
};

struct graph_operation {
	int64_t id;	/* 0: roots, which have none */
	uint32_t name;	/* in graph.texts */
	uint32_t group; /* the operation that its time on paths is told under: itself, or "imports"
			 */
	uint8_t class, family;
};

struct graph_thread {
	int64_t id, process, tid, creator_tid;
	int64_t start_ns, end_ns;
	uint32_t root; /* node */
	uint32_t name; /* in graph.texts */
	bool is_main;  /* the first of its process */
	/* of the time outside of waiting calls: on the CPU, and ready while none was free; where
	 * only the process's CPU time is known, as all of it */
	double cpu_part, queue_part;
	bool has_cpu;
};

struct graph {
	struct model *model;
	const struct run *run;
	struct node *nodes;
	uint32_t count;
	uint32_t *by_start, *by_end; /* children lists */
	uint32_t *order;	     /* parents before children; nodes in circles are left out */
	uint32_t order_count;
	struct graph_operation *operations;
	uint32_t operation_count; /* the last one is "imports", which is no row of the database */
	struct graph_thread *threads;
	uint32_t thread_count;
	struct map thread_by_id;  /* their places, from 1 */
	struct request *requests; /* requests.h */
	uint32_t request_count;
	struct strtab *texts;
	struct fold_tree *folds; /* NULL: not known */
};

/* NULL when memory is out. */
struct graph *graph_new(struct model *model, const struct run *run);
void graph_free(struct graph *graph);

/* Lists of children and the order from parents as they are now. 0 or -ENOMEM. */
int graph_link(struct graph *graph);

/* The node of a span's id, or NODE_NONE. */
uint32_t graph_find(const struct graph *graph, int64_t id);

/* The thread's place in graph.threads, or NODE_NONE. */
uint32_t graph_find_thread(const struct graph *graph, int64_t id);

static inline int64_t node_duration(const struct node *node)
{
	return node->end_ns - node->start_ns;
}

/* A shorter wait for events looks whether something is there, and waits for nothing. */
#define NODE_LOOK_NS 1000000

/* It waits for the clock alone. */
static inline bool node_is_sleep(const struct node *node)
{
	return node->wait == RT_WAIT_sleep ||
		(node->flags & NODE_TIMER && node_duration(node) >= NODE_LOOK_NS);
}

static inline const struct graph_operation *node_operation(
	const struct graph *graph, const struct node *node)
{
	return &graph->operations[node->operation];
}

/* The operation that a node counts as. */
static inline uint32_t node_group(const struct graph *graph, const struct node *node)
{
	return node_operation(graph, node)->group;
}

/* "" where it has none. */
const char *node_name(const struct graph *graph, const struct node *node);

#endif
