/* SPDX-License-Identifier: Apache-2.0 */
/* The rules by which shims choose functions of language runtimes: the user's, then
 * data/python.rules. */
#ifndef LOADER_CAPTURE_RUNTIME_RULES_H
#define LOADER_CAPTURE_RUNTIME_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

/* What a rule of the user's does; those that skip are tried first. */
enum runtime_rule { RUNTIME_RULE_SKIP, RUNTIME_RULE_REQUEST, RUNTIME_RULE_CALL, RUNTIME_RULES };

struct runtime_rules {
	struct buf lines[RUNTIME_RULES];
	bool off;
};

void runtime_rules_free(struct runtime_rules *rules);

/* Why it is no pattern; NULL: it is one. */
const char *runtime_rules_fault(const char *pattern);

/* 0 or -ENOMEM. */
int runtime_rules_add(struct runtime_rules *rules, enum runtime_rule does, const char *pattern);

/* All of them as text with a NUL, without comments. 0, -ENOMEM, or -E2BIG: more than `size`. */
int runtime_rules_write(const struct runtime_rules *rules, char *text, size_t size);

#endif
