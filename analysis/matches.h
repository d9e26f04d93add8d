/* SPDX-License-Identifier: Apache-2.0 */
/* Which calls an expression matches, and which lead there: what tree --grep
 * and --requests leave standing. */
#ifndef ANALYSIS_MATCHES_H
#define ANALYSIS_MATCHES_H

#include <regex.h>

#include "analysis/fold_tree.h"

enum match { MATCH_NONE, MATCH_BELOW, MATCH_ITSELF };

struct matches;

/*
 * By an operation's name or module or an object's name; of requests, by theirs alone. An expression
 * that is NULL matches every name. NULL when memory is out.
 */
struct matches *matches_new(struct model *model, int64_t run, const struct fold_tree *folds,
	const regex_t *expression, bool requests);
void matches_free(struct matches *matches);

/* With `matches` NULL everything matches, yet nothing by itself. */
enum match matches_span(const struct matches *matches, int64_t span);
enum match matches_fold(const struct matches *matches, int64_t fold);
bool matches_thread(const struct matches *matches, int64_t thread);

#endif
