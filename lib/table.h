/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of figures that become text or JSON. A cell is unknown until it is set; unknown prints as
 * "-" and is null in JSON, never 0.
 *
 *   table_new, table_row and table_set* for each row, table_sort, table_limit,
 *   then table_text or table_json, table_free.
 */
#ifndef LIB_TABLE_H
#define LIB_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/json.h"

enum table_kind {
	TABLE_TEXT,	/* left-aligned, shortened in the middle where the line is too long */
	TABLE_NUMBER,	/* as it is: pids, levels */
	TABLE_COUNT,	/* 8,412 */
	TABLE_DURATION, /* of nanoseconds */
	TABLE_BYTES,
	TABLE_SHARE, /* of per mille; JSON gets a fraction of 1 */
	TABLE_BOOL,
	TABLE_DOLLARS, /* of billionths; JSON gets dollars */
};

struct table_column {
	const char *key;     /* in JSON; NULL: not there */
	const char *heading; /* in text; NULL: not there */
	enum table_kind kind;
};

struct table;

/* `columns` must outlive the table and ends with an all-zero entry. NULL when memory is out. */
struct table *table_new(const struct table_column *columns);
void table_free(struct table *table);

/* Begins a row; table_set* work on the newest. Out of memory is sticky: see table_failed. */
void table_row(struct table *table);
void table_set(struct table *table, unsigned column, int64_t value);
void table_set_text(struct table *table, unsigned column, const char *text); /* copied */
/* Why the figure is unknown, in place of "-": a literal. */
void table_set_reason(struct table *table, unsigned column, const char *reason);

bool table_failed(const struct table *table);
size_t table_rows(const struct table *table);
const struct table_column *table_columns(const struct table *table);

/* By a numeric column, largest first; unknown last; rows that are equal keep their order. */
void table_sort(struct table *table, unsigned column);
/* Text shows the first `top` rows only and states how many more there are; 0: all. JSON is whole.
 */
void table_limit(struct table *table, size_t top);

/* Lines of at most `width` columns, each after `indent` spaces. Columns without news are left out.
 */
void table_text(const struct table *table, unsigned indent, unsigned width, struct buf *out);
/* A table of Markdown, as GitHub reads it; the same rows and columns. */
void table_markdown(const struct table *table, struct buf *out);
/* An array of objects. */
void table_json(const struct table *table, struct json *json);

/* Columns that `text` takes on a terminal. */
size_t table_text_width(const char *text);
/* Appends `text`, shortened to `width` columns, control characters as '?'. */
void table_put_text(struct buf *out, const char *text, size_t width);

#endif
