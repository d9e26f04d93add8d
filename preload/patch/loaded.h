/* SPDX-License-Identifier: Apache-2.0 */
/* The objects loaded in this process, and which of them are new. */
#ifndef PRELOAD_PATCH_LOADED_H
#define PRELOAD_PATCH_LOADED_H

#include "preload/emit.h"

#include <link.h>

#define LOADED_MAX 1024

struct loaded {
	uintptr_t base;
	uintptr_t low, high;	    /* of its memory */
	uintptr_t text, text_end;   /* of its largest executable segment */
	uintptr_t relro, relro_end; /* read-only once it is relocated */
	const ElfW(Dyn) * dynamic;
	const char *path; /* the dynamic linker's */
	const __u8 *jump; /* a place that was made a jump, or NULL */
	bool fresh;	  /* its functions were not asked for yet */
	bool exposed;	  /* other threads may be executing its code */
};

extern HIDDEN struct loaded *loaded_objects; /* LOADED_MAX, in the dynamic linker's order */
extern HIDDEN unsigned loaded_count;

/* Reads the list anew; true where an object is new. 'exposed' is the new ones' state. */
COLD bool loaded_update(bool exposed);

/* One object, as dl_iterate_phdr tells of it, apart from the list. */
COLD void loaded_read(struct loaded *object, const struct dl_phdr_info *info);

/* The program itself, apart from the list. */
COLD bool loaded_program(struct loaded *program);

/* What an entry of the dynamic section points to: relocated by some dynamic linkers, not by all. */
static inline uintptr_t loaded_dynamic(const struct loaded *object, uintptr_t value)
{
	return value < object->base ? value + object->base : value;
}

/* Libraries ever loaded, as the dynamic linker counts them. */
COLD __u64 loaded_ever(void);

#endif
