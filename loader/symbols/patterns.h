/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions are wanted: by the user's patterns, and by what function packs know. */
#ifndef LOADER_SYMBOLS_PATTERNS_H
#define LOADER_SYMBOLS_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

#include "loader/symbols/catalog.h"

struct pattern {
	char *module; /* glob on the base name */
	char *function;
	const struct catalog_function *known; /* NULL: of the user */
	bool matched;
};

struct patterns {
	struct catalog *catalog;
	struct pattern *list;
	size_t count;
	bool own; /* the user gave one */
};

/* NULL, or what is wrong with a MODULE-GLOB:FUNCTION-GLOB. */
const char *patterns_fault(const char *text);

/* 0 or -ENOMEM. */
int patterns_add(struct patterns *patterns, const char *text);
int patterns_catalog(struct patterns *patterns);
void patterns_free(struct patterns *patterns);

bool pattern_names(const struct pattern *pattern, const char *symbol, const char *name);

/* Names of libraries, as rt_region.modules has them. */
void patterns_modules(const struct patterns *patterns, char *modules, size_t room);

#endif
