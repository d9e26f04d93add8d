/* SPDX-License-Identifier: Apache-2.0 */
/* What an exchange tells in one line: class, tokens, first token, cache, rows, error. */
#ifndef ANALYSIS_STORY_H
#define ANALYSIS_STORY_H

#include "analysis/model.h"
#include "lib/buf.h"

struct story;

/* NULL when memory is out. */
struct story *story_new(struct model *model);
void story_free(struct story *story);

/* Of a span of an operation class (vocabulary.def); "" where it has nothing to tell. Valid until
 * the next call. */
const char *story_of(struct story *story, int64_t span, unsigned class);

#endif
