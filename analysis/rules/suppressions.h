/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings that a project has decided to live with: a text file, a line each: a fingerprint, or
 * `rule NAME`, and the reason behind it. '#' begins a comment.
 */
#ifndef ANALYSIS_RULES_SUPPRESSIONS_H
#define ANALYSIS_RULES_SUPPRESSIONS_H

#include "analysis/rules/findings.h"

struct suppressions {
	struct suppression {
		char name[48]; /* a fingerprint, or a rule's */
		bool is_rule, is_used;
		size_t line;
	} * list;
	size_t count;
};

/* 0, or -1 with a sentence in `error`. */
int suppressions_read(
	struct suppressions *suppressions, const char *path, char *error, size_t error_size);
void suppressions_free(struct suppressions *suppressions);

/* Marks the line that it is suppressed by. */
bool suppressions_hold(struct suppressions *suppressions, const struct finding *finding);

#endif
