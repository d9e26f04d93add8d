/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about a finding, and about a slow operation class: data/suggestions.yaml. */
#ifndef ANALYSIS_RULES_ADVICE_H
#define ANALYSIS_RULES_ADVICE_H

#include <stddef.h>

struct advice {
	char *name;  /* a rule, or an operation class */
	char effort; /* S, M or L: hours, days, weeks */
	char **fixes;
	size_t count;
};

struct advices {
	struct advice *list;
	size_t count;
};

/* The shipped ones; the user's are put before them. NULL with a sentence in `error`. */
struct advices *advices_new(char *error, size_t error_size);
void advices_free(struct advices *advices);

/* NULL: none. */
const struct advice *advice_for(const struct advices *advices, const char *name);

#endif
