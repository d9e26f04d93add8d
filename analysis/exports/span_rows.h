/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads and spans of a run, row by row, with the names that exporters need. Pointers are valid
 * until the next row.
 */
#ifndef ANALYSIS_EXPORTS_SPAN_ROWS_H
#define ANALYSIS_EXPORTS_SPAN_ROWS_H

#include "analysis/model.h"

struct thread_row {
	int64_t id, process, pid, tid, span;
	const char *name;    /* may be NULL */
	const char *program; /* the script or program of its process, may be NULL */
	bool first;	     /* of its process */
};

struct span_row {
	int64_t id, parent; /* parent 0: none */
	int64_t start_ns, end_ns;
	int64_t status, result, object, object_kind, fd, address;
	int64_t operation, family, wait_class, class_number;
	unsigned kind, evidence;
	const char *name, *module, *object_name; /* may be NULL */
	const char *file;			 /* of a runtime's function */
	int64_t line;
	bool unfinished; /* end_ns is the run's */
	bool has_status, has_result, has_fd, has_address;
};

/* Ordered by process and number. */
struct query *thread_rows(struct model *model, const struct run *run);
bool thread_rows_next(struct query *query, struct thread_row *row);

/* Of one thread, its root too, parents before their children. */
struct query *span_rows(struct model *model, const struct run *run, int64_t thread);
/* The root of one process. */
struct query *span_rows_process(struct model *model, const struct run *run, int64_t process);
/* The children of a span, whichever thread they are of; of 0 the roots of the run. */
struct query *span_rows_below(struct model *model, const struct run *run, int64_t parent);
bool span_rows_next(struct query *query, const struct run *run, struct span_row *row);

#endif
