/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes room for a jump at a function's entry: takes the instructions that the jump overwrites and
 * gives them the form in which they do the same from elsewhere, followed by a jump back.
 */
#ifndef LOADER_SYMBOLS_RELOCATE_H
#define LOADER_SYMBOLS_RELOCATE_H

#include "loader/symbols/disasm.h"
#include "loader/symbols/object.h"
#include "loader/symbols/stack_proof.h"
#include "wire/patch.h"

struct relocation {
	uint8_t window[RT_PATCH_WINDOW_MAX]; /* as the file has it */
	uint8_t code[RT_PATCH_CODE_MAX];
	struct rt_fix fixes[RT_PATCH_FIXES_MAX];
	unsigned window_size, code_size, fix_count;
};

/* NULL, or the reason why it cannot be done. */
const char *relocate_entry(struct disasm *disasm, const struct object *object,
	const struct elf_symbol *symbol, const struct stack_proof *proof,
	struct relocation *relocation);

/* The same of a function of known parameters and size, whose own code alone is read for jumps to
 * its first bytes. Needs no symbols: quick where there are many. */
const char *relocate_known(struct disasm *disasm, const struct elf *elf, uint64_t address,
	uint64_t size, struct relocation *relocation);

#endif
