/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view turns reports and trees into bytes on standard output. It knows nothing of databases.
 *
 * To add one: view_X.c with `const struct view view_X`, and its line in views.def.
 */
#ifndef ANALYSIS_VIEWS_VIEW_H
#define ANALYSIS_VIEWS_VIEW_H

#include "analysis/report.h"
#include "analysis/tree.h"
#include "lib/buf.h"
#include "lib/json.h"

/* Where a view writes. What it puts into `bytes` goes to standard output as it grows. */
struct output {
	struct buf bytes;
	struct json json;
	struct buf branches; /* of the tree lines around this one */
	unsigned width;
	bool evidence; /* show why each call has its parent */
	bool any;      /* something was shown before */
	int error;     /* 0, or the first -errno */
};

struct view {
	const char *name;
	/* begin, then any number of reports and trees, then end */
	void (*begin)(struct output *out);
	void (*end)(struct output *out);
	void (*report)(struct output *out, const struct report *report);
	void (*tree_begin)(struct output *out, const char *input, const struct run *run);
	void (*tree_open)(struct output *out, const struct tree_line *line);
	void (*tree_close)(struct output *out, const struct tree_line *line);
	void (*tree_end)(struct output *out);
};

/* NULL for a name that is none. */
const struct view *view_find(const char *name);

/* Writes once enough has gathered. */
void output_flush(struct output *out, bool all);
/* Writes what is left; 0 or -errno. */
int output_finish(struct output *out);

#endif
