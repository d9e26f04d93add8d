/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the source tree that are linked into the program (EMBED in the Makefile). */
#ifndef LIB_EMBEDDED_H
#define LIB_EMBEDDED_H

#include <stddef.h>

struct embedded {
	const char *path; /* as in the tree: "wire/schema.sql" */
	const char *text; /* followed by a NUL */
	size_t size;
};

/* Ends with an entry whose path is NULL. */
extern const struct embedded embedded_files[];

/* NULL for a path that is not embedded. */
const struct embedded *embedded_find(const char *path);

/* Of the databases that this program writes: user_version in wire/schema.sql. */
int embedded_schema_version(void);

#endif
