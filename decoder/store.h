/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows in, a database out. The tables are wire/schema.sql's; what the rows mean is for others.
 *
 * A named database is written beside its place as NAME.tmp and takes the name when it is whole, so
 * that a failed decode leaves what was there. Errors stick: the first is kept, later calls do
 * nothing, store_finish says it.
 */
#ifndef DECODER_STORE_H
#define DECODER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* Stands for NULL in span rows. */
#define STORE_NULL INT64_MIN

enum span_column {
	SPAN_ID,
	SPAN_PARENT,
	SPAN_THREAD,
	SPAN_OPERATION,
	SPAN_KIND_OF,
	SPAN_START,
	SPAN_END,
	SPAN_EVIDENCE,
	SPAN_STATUS,
	SPAN_RESULT,
	SPAN_OBJECT,
	SPAN_FOLD,
	SPAN_COLUMNS
};

/* Tables that are written one row at a time. */
enum store_table {
	STORE_RUN,
	STORE_PROCESS,
	STORE_THREAD,
	STORE_OPERATION,
	STORE_OBJECT,
	STORE_FOLD,
	STORE_ATTRIBUTE,
	STORE_COUNTER,
	STORE_LOSS,
	STORE_USAGE,
	STORE_THREAD_USAGE,
	STORE_METRIC,
	STORE_RULE_FILE,
	STORE_RULE,
	STORE_WORD,
	STORE_CONNECTION,
	STORE_FUNCTION,
	STORE_RUNTIME,
	STORE_SUGGESTION,
	STORE_FRAME,
	STORE_SAMPLE,
	STORE_TABLES
};

struct value {
	enum { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_BLOB } type;
	int64_t number; /* of a blob: its size */
	double real;
	const void *bytes;
};

static inline struct value value_int(int64_t number)
{
	return (struct value){.type = VALUE_INT, .number = number};
}

static inline struct value value_real(double real)
{
	return (struct value){.type = VALUE_REAL, .real = real};
}

/* NULL where it is 0: a time or a number that is not known. */
static inline struct value value_known(int64_t number)
{
	return (struct value){.type = number ? VALUE_INT : VALUE_NULL, .number = number};
}

/* NULL where it is empty. */
static inline struct value value_text(const char *text)
{
	return (struct value){.type = text && *text ? VALUE_TEXT : VALUE_NULL, .bytes = text};
}

static inline struct value value_blob(const void *bytes, size_t size)
{
	return (struct value){
		.type = size ? VALUE_BLOB : VALUE_NULL, .number = (int64_t)size, .bytes = bytes};
}

/* A message fit for log_error. */
struct store_error {
	char text[512];
};

/*
 * `output`: a path, or "fd:N" (also /proc/self/fd/N, /dev/fd/N) for an open file, which is written
 * in place. With `append` the runs already in the database stay. NULL with `error` set.
 */
struct store *store_open(const char *output, bool append, struct store_error *error);

/* Also undoes what was not finished. */
void store_free(struct store *store);

/* The highest id in a table so far. */
int64_t store_last_id(struct store *store, enum store_table table);
int64_t store_last_span(struct store *store);
bool store_has_run(struct store *store, const char *uuid);

void store_span(struct store *store, const int64_t row[SPAN_COLUMNS]);
/* Columns in the order of the schema. A row whose key is there already is replaced. */
void store_put(struct store *store, enum store_table table, const struct value *values);

/* Afterthoughts about span rows from `first` to `last`. They must have been stored. */
struct store_fix {
	int64_t first, last;
	int64_t was, becomes; /* parent or fold */
};
void store_fix_fold(struct store *store, const struct store_fix *fix);
/* The parent has another row. */
void store_move_parent(struct store *store, const struct store_fix *fix);
/* The parent was not one after all: the evidence becomes unknown. */
void store_fix_parent(struct store *store, const struct store_fix *fix);

/* A span's parent, found later than itself. */
void store_set_parent(struct store *store, int64_t span, int64_t parent, uint8_t evidence);

/* At the end of all: rows below `was` that begin from `first` to `last`, in ns, stand below
 * `becomes`. */
void store_adopt(struct store *store, const struct store_fix *fix);

uint64_t store_spans(const struct store *store);

/* True once something failed: going on is pointless. */
bool store_failed(const struct store *store);

/* Indexes, views, and the name. 0, or -1 with `error` set. */
int store_finish(struct store *store, struct store_error *error);

#endif
