/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Function packs: what is known by heart of libraries' functions (data/packs/README.md says how
 * they are written). Those that are linked in, and the user's own.
 */
#ifndef LOADER_SYMBOLS_CATALOG_H
#define LOADER_SYMBOLS_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#define CATALOG_ARGUMENTS 4
#define CATALOG_FIXED 4

/* What an argument is. */
enum catalog_is { CATALOG_NUMBER, CATALOG_MEMORY, CATALOG_SQL, CATALOG_PATH, CATALOG_NAME };

struct catalog_argument {
	char *as; /* the attribute */
	enum catalog_is is;
	unsigned at;	 /* which one, from 0: the first six that are no floating-point numbers */
	unsigned offset; /* CATALOG_MEMORY: where behind the pointer */
	unsigned bits;	 /* of a number: 32 or 64 */
	int size_at;	 /* of a text: the argument that holds its size if not negative; -1: none */
};

struct catalog_function {
	const char *pack;
	char *symbol; /* a pattern; NULL: a Python callable, py */
	char *py;
	uint32_t class;
	char *fixed[CATALOG_FIXED]; /* "attribute=value" */
	unsigned fixed_count;
	struct catalog_argument arguments[CATALOG_ARGUMENTS];
	unsigned argument_count;
};

struct catalog_pack {
	char *name, *about;
	char *origin; /* path of the user's file; NULL: linked in */
	char **libraries;
	size_t library_count;
	struct catalog_function *functions;
	size_t function_count;
};

struct catalog {
	struct catalog_pack *packs;
	size_t count;
};

/* Those linked in and the user's, whose faults are warned of. NULL: out of memory. */
struct catalog *catalog_load(void);
void catalog_free(struct catalog *catalog);

/* Adds the pack in a YAML text; origin as above. 0, or -errno with what is wrong in error[]. */
int catalog_parse(struct catalog *catalog, const char *origin, const char *text, size_t size,
	char *error, size_t room);

/* How its arguments are captured, as wire/patch.h has it; 0: not at all. */
uint64_t catalog_capture(const struct catalog_function *function);

/* The n-th attribute of a call, from what was captured, as "name=value" without secrets; false:
 * there is none of that number. Out is left empty where it could not be read. */
bool catalog_attribute(const struct catalog_function *function, unsigned number,
	const uint8_t *captured, size_t size, struct buf *out);

#endif
