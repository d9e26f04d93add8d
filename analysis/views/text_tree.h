/* SPDX-License-Identifier: Apache-2.0 */
/* The tree's half of the text view. */
#ifndef ANALYSIS_VIEWS_TEXT_TREE_H
#define ANALYSIS_VIEWS_TEXT_TREE_H

#include "analysis/views/view.h"

/* The line that names a run; both halves begin with it. */
void text_run(struct page *page, const char *input, const struct run *run);

void text_tree_begin(struct page *page, const char *input, const struct run *run);
void text_tree_open(struct page *page, const struct tree_line *line);
void text_tree_close(struct page *page, const struct tree_line *line);
void text_tree_end(struct page *page);

#endif
