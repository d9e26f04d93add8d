/* SPDX-License-Identifier: Apache-2.0 */
/* The report in four lines: where the time went, why, what to change first, what that saves. */
#ifndef ANALYSIS_VERDICT_H
#define ANALYSIS_VERDICT_H

#include "analysis/analysis.h"

/* A line each, "key: text"; "" where nothing was waited for. The caller frees. NULL: out of memory.
 */
char *verdict_new(const struct analysis *analysis);

#endif
