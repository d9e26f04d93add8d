/* SPDX-License-Identifier: Apache-2.0 */
/* Where a function returns: the places of its return instructions. */
#ifndef LOADER_SYMBOLS_RETURNS_H
#define LOADER_SYMBOLS_RETURNS_H

#include <stddef.h>
#include <stdint.h>

#include "loader/symbols/elf.h"

#define RETURNS_MAX 64

/*
 * Offsets in the file. Their number; -ENOTSUP where it can be left otherwise (by a jump to another
 * function), -EBADMSG where its code cannot be read as code, -E2BIG.
 */
int returns_find(
	const struct elf *elf, const struct elf_symbol *symbol, uint64_t offsets[RETURNS_MAX]);

#endif
