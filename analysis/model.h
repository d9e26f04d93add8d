/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one reader of the store. Opens databases read-only, whatever their version up to ours, and
 * answers queries; nothing else here knows <sqlite3.h>.
 *
 * Every query may use the temporary view `profile`: one row a fold, joined with its process,
 * operation and object, with `wait_class` decided by what the descriptor was. Marks (operations
 * below 32, wire/event.def) are no calls and have no row there. And `thread_time`: CPU time of
 * threads, and the time in which they were ready while no processor was free, where they are known.
 */
#ifndef ANALYSIS_MODEL_H
#define ANALYSIS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the descriptor was decides what an operation on it waited for, and what a poll of one alone
 * did. Of an operation `o` and its object `b`; 16 is RT_WAIT_fd, 11 RT_WAIT_poll; the kinds of
 * object are file 1, connection 2, listener 3, pipe 4, event loop 5, event counter 6, terminal 10.
 */
#define MODEL_WAIT_CLASS                                                \
	"CASE WHEN o.wait = 11 AND b.kind = 2 THEN 10"                  \
	" WHEN o.wait = 11 AND b.kind IN (4, 10) THEN 14"               \
	" WHEN o.wait <> 16 THEN o.wait WHEN b.kind = 1 THEN 5"         \
	" WHEN b.kind IN (2, 3) THEN 10 WHEN b.kind IN (4, 10) THEN 14" \
	" WHEN b.kind IN (5, 6) THEN 11 ELSE 15 END"

/* Of a thread t, its process p and their run r; an end that is not known is the process's, else the
 * run's. */
#define MODEL_THREAD_START "COALESCE(t.start_ns, p.start_ns, r.start_ns)"
#define MODEL_THREAD_END "COALESCE(t.end_ns, p.end_ns, r.end_ns)"

struct model;
struct query;

/*
 * A database by its path; "/proc/self/fd/N" for one that has no name. NULL with a sentence in
 * `error`.
 */
struct model *model_open(const char *path, char *error, size_t error_size);
void model_close(struct model *model);

/* An empty one without a store's tables, for queries over what is bound to them: JSON. */
struct model *model_scratch(void);

/* The first failure of any query so far (a damaged file), or NULL. Asked once, at the end. */
const char *model_error(const struct model *model);
/* Forgets it: it was the fault of a query, and has been told. */
void model_forget_error(struct model *model);

struct run {
	int64_t id;
	char *uuid, *version, *host, *kernel, *mode, *command, *cpu_model;
	char *script; /* what its first process runs, where that is an interpreter */
	char *reason; /* NULL: the trace is torn */
	int64_t processors;
	int64_t start_ns, end_ns; /* of everything seen; equal where nothing was */
	int64_t epoch_ns;
	int64_t status; /* as a shell would say it */
	int signal;	/* that ended the target; 0: none */
	bool has_epoch, has_status;
	bool content; /* what was said is stored with it */
};

/* In the order of their numbers. `count` 0 also on failure. */
struct run *model_runs(struct model *model, size_t *count);
void model_runs_free(struct run *runs, size_t count);

/* A failed query has no rows. NULL is a query without rows. */
struct query *model_query(struct model *model, const char *sql);
void query_free(struct query *query);
/* Parameters count from 1. Binding begins the query anew. */
void query_bind(struct query *query, int parameter, int64_t value);
void query_bind_text(struct query *query, int parameter, const char *text); /* not copied */
bool query_next(struct query *query);

int query_columns(const struct query *query);
const char *query_name(const struct query *query, int column);
bool query_is_null(const struct query *query, int column);
int64_t query_int(const struct query *query, int column); /* NULL: 0 */
double query_double(const struct query *query, int column);
bool query_is_text(const struct query *query, int column);
bool query_is_real(const struct query *query, int column);
/* Valid until the next row. NULL for NULL. */
const char *query_text(const struct query *query, int column);
const void *query_blob(const struct query *query, int column, size_t *size);

/* One query, one parameter, one number of the first row; `otherwise` where there is none. */
int64_t model_number(struct model *model, const char *sql, int64_t parameter, int64_t otherwise);

#endif
