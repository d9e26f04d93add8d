/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/symbols/returns.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "loader/symbols/disasm.h"

#define CODE_MAX (1u << 20)

static bool leaves(const struct insn *insn, const struct elf_symbol *symbol)
{
	if (insn->flow == INSN_JUMP_INDIRECT)
		return !insn->notrack; /* a switch stays inside */
	if (insn->flow != INSN_JUMP && insn->flow != INSN_BRANCH)
		return false;
	return insn->target < symbol->address || insn->target >= symbol->address + symbol->size;
}

static int scan(struct disasm *disasm, const struct elf *elf, const struct elf_symbol *symbol,
	const uint8_t *code, uint64_t offsets[RETURNS_MAX])
{
	struct insn insn;
	int count = 0;

	for (uint64_t at = 0; at < symbol->size; at += insn.size) {
		uint64_t address = symbol->address + at;

		if (!disasm_next(disasm, code + at, symbol->size - at, address, &insn) ||
			!insn.size)
			return -EBADMSG;
		if (leaves(&insn, symbol))
			return -ENOTSUP;
		if (insn.flow != INSN_RETURN)
			continue;
		if (count == RETURNS_MAX)
			return -E2BIG;
		if (!elf_offset(elf, address, &offsets[count++]))
			return -EBADMSG;
	}
	return count ? count : -ENOTSUP;
}

int returns_find(
	const struct elf *elf, const struct elf_symbol *symbol, uint64_t offsets[RETURNS_MAX])
{
	struct disasm *disasm;
	uint8_t *code;
	int count = -ENOMEM;

	if (!symbol->size || symbol->size > CODE_MAX)
		return -EBADMSG;
	disasm = disasm_new();
	code = malloc(symbol->size);
	if (disasm && code)
		count = elf_read(elf, symbol->address, code, symbol->size) == symbol->size
			? scan(disasm, elf, symbol, code, offsets)
			: -EBADMSG;
	free(code);
	disasm_free(disasm);
	return count;
}
