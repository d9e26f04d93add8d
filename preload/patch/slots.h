/* SPDX-License-Identifier: Apache-2.0 */
/* Where an object keeps the addresses of other objects' functions that it calls. */
#ifndef PRELOAD_PATCH_SLOTS_H
#define PRELOAD_PATCH_SLOTS_H

#include "preload/patch/loaded.h"

/* The parts of an object's dynamic section that slots are found by. */
struct slots {
	const ElfW(Rela) * jumps, *others;
	size_t jump_count, other_count;
	const ElfW(Sym) * symbols;
	const char *strings;
};

/* Looks at the object's base and dynamic section alone. */
COLD bool slots_find(const struct loaded *object, struct slots *slots);

static inline const char *slots_name(const struct slots *slots, const ElfW(Rela) * rela)
{
	return slots->strings + slots->symbols[ELF64_R_SYM(rela->r_info)].st_name;
}

#endif
