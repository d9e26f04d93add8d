/* SPDX-License-Identifier: Apache-2.0 */
/* The code that processes have mapped: from an address in one to a place in a file. */
#ifndef LOADER_KERNEL_SPACE_H
#define LOADER_KERNEL_SPACE_H

#include <stdint.h>
#include <sys/types.h>

struct code;
struct space;
struct spaces;

struct spaces *spaces_new(void);
void spaces_free(struct spaces *spaces);

/* One process's, read when it is first asked for. NULL when memory is out. */
struct space *spaces_of(struct spaces *spaces, pid_t pid);
/* It has ended, or runs another program. */
void spaces_forget(struct spaces *spaces, pid_t pid);

struct space_place {
	struct code *code;  /* NULL: no file's, or one that cannot be read */
	const char *module; /* base name of the file; "[vdso]" and the like; "" */
	uint64_t address;   /* in the file */
	uint64_t bias;	    /* what is to be added to addresses of the file */
};

/* False where nothing is mapped, as far as is known. Valid until spaces_forget. */
int space_find(struct space *space, uint64_t address, struct space_place *place, uint64_t now_ns);

/* Calls `found` with each file that it runs code of, until it says false. */
typedef int space_file_fn(void *context, const struct space_place *place);
void space_files(struct space *space, space_file_fn *found, void *context);

/* How often the mappings have been read: files may have come since. */
unsigned space_generation(const struct space *space);

#endif
