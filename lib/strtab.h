/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings: equal bytes have equal numbers. Number 0 is the empty string. Bytes may hold
 * NULs. */
#ifndef LIB_STRTAB_H
#define LIB_STRTAB_H

#include <stddef.h>
#include <stdint.h>

struct strtab;

struct strtab *strtab_new(void);
void strtab_free(struct strtab *table);

/* Forgets all strings but the empty one. */
void strtab_clear(struct strtab *table);

/* The number of these bytes; 0 also when memory is out. The table keeps its own copy. */
uint32_t strtab_add(struct strtab *table, const void *bytes, size_t size);
uint32_t strtab_adds(struct strtab *table, const char *text);

uint32_t strtab_count(const struct strtab *table);

/* Followed by a NUL. "" for a number that was never given out. */
const char *strtab_get(const struct strtab *table, uint32_t number);
size_t strtab_size(const struct strtab *table, uint32_t number);

#endif
