/* SPDX-License-Identifier: Apache-2.0 */
/* What an object offers to others, looked up by name as the dynamic linker does. */
#ifndef PRELOAD_PATCH_EXPORTS_H
#define PRELOAD_PATCH_EXPORTS_H

#include "preload/patch/loaded.h"

struct exports {
	const struct exports_hash *hash;
	const ElfW(Sym) * symbols;
	const char *strings;
};

/* False where it has no table of that kind. */
COLD bool exports_find(struct exports *exports, const struct loaded *object);

/* A function of that name which the object defines, or NULL. */
COLD const ElfW(Sym) * exports_get(const struct exports *exports, const char *name);

#endif
