/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view turns reports and trees into bytes on standard output. It knows nothing of databases.
 *
 * To add one: view_X.c with `const struct view view_X`, and its line in views.def.
 */
#ifndef ANALYSIS_VIEWS_VIEW_H
#define ANALYSIS_VIEWS_VIEW_H

#include "analysis/output.h"
#include "analysis/report.h"
#include "analysis/tree.h"
#include "lib/json.h"

/* Where a view writes, and what it remembers between two lines. */
struct page {
	struct output out;
	struct json json;
	struct buf branches; /* of the tree lines around this one */
	unsigned width;
	bool evidence; /* show why each call has its parent */
	bool any;      /* something was shown before */
};

struct view {
	const char *name;
	/* begin, then any number of reports and trees, then end; NULL: it has none of that */
	void (*begin)(struct page *page);
	void (*end)(struct page *page);
	void (*report)(struct page *page, const struct report *report);
	void (*tree_begin)(struct page *page, const char *input, const struct run *run);
	void (*tree_open)(struct page *page, const struct tree_line *line);
	void (*tree_close)(struct page *page, const struct tree_line *line);
	void (*tree_end)(struct page *page);
};

/* NULL for a name that is none. */
const struct view *view_find(const char *name);

/* Writes what is left; 0 or -errno. */
int page_finish(struct page *page);

#endif
