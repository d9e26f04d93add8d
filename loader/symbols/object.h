/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ELF files of targets: each opened once however many processes load it, in the target's own
 * view of the file system; and the objects of the one process that is asked about now.
 */
#ifndef LOADER_SYMBOLS_OBJECT_H
#define LOADER_SYMBOLS_OBJECT_H

#include <sys/types.h>

#include "loader/symbols/elf.h"
#include "loader/symbols/frame.h"

struct object {
	struct elf *elf;
	struct frame_table frames;
	const char *module; /* base name */
	uint64_t number;    /* of the file, in this run */
};

struct objects;

struct objects *objects_new(void);
void objects_free(struct objects *objects);

/* From here on the objects of that process, added in the dynamic linker's order. */
void objects_begin(struct objects *objects, pid_t pid);
/* `path` as the process calls it; "" is its program. Nothing is opened yet. 0 or -errno. */
int objects_add(struct objects *objects, const char *path);

const char *objects_module(const struct objects *objects, size_t index);
/* Its file, with symbols loaded; NULL where that is impossible. */
const struct object *objects_open(struct objects *objects, size_t index);

/* The file alone, its symbols unread. */
struct elf *objects_elf(struct objects *objects, size_t index);

/* An import_fn (stack_proof.h): what the process's dynamic linker would find. */
const struct object *objects_import(void *objects, const char *symbol, uint64_t *address);

#endif
