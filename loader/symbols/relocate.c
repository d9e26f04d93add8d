/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refuses rather than guesses: whatever enters the overwritten bytes otherwise than by the
 * function's own entry, and whatever cannot do the same from another address.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/symbols/relocate.h"

#define KNOWN_MAX 65536

static void put_code(struct relocation *relocation, const uint8_t *bytes, unsigned size)
{
	memcpy(relocation->code + relocation->code_size, bytes, size);
	relocation->code_size += size;
}

/* The four bytes at `at` of the code will hold the distance from its `end` to `target`. */
static void put_fix(struct relocation *relocation, unsigned at, unsigned end, uint64_t target)
{
	relocation->fixes[relocation->fix_count++] =
		(struct rt_fix){.at = at, .end = end, .target = target};
}

static void put_jump(struct relocation *relocation, uint64_t target)
{
	put_code(relocation, (const uint8_t[]){0xe9, 0, 0, 0, 0}, 5);
	put_fix(relocation, relocation->code_size - 4, relocation->code_size, target);
}

/* Any form of a conditional branch becomes the one with a 32-bit distance. */
static void put_branch(struct relocation *relocation, const struct insn *insn)
{
	uint8_t condition = 0;

	for (unsigned i = 0; i < insn->size; i++) {
		if (insn->bytes[i] == 0x0f) {
			condition = insn->bytes[i + 1] & 0x0f;
			break;
		}
		if ((insn->bytes[i] & 0xf0) == 0x70) {
			condition = insn->bytes[i] & 0x0f;
			break;
		}
	}
	put_code(relocation, (const uint8_t[]){0x0f, 0x80 | condition, 0, 0, 0, 0}, 6);
	put_fix(relocation, relocation->code_size - 4, relocation->code_size, insn->target);
}

static const char *put_relative(
	struct relocation *relocation, const struct insn *insn, const struct insn_operand *operand)
{
	unsigned begin = relocation->code_size;
	int32_t distance;

	if (!insn->displacement_at || insn->displacement_at + 4u > insn->size)
		return "an instruction at its entry cannot be moved";
	memcpy(&distance, insn->bytes + insn->displacement_at, 4);
	if (distance != operand->number)
		return "an instruction at its entry cannot be moved";
	put_code(relocation, insn->bytes, insn->size);
	put_fix(relocation, begin + insn->displacement_at, relocation->code_size,
		insn->address + insn->size + (uint64_t)operand->number);
	return NULL;
}

/* A call puts the return address of the original place on the stack: unwinders know that one. It is
 * the last of the window, so what it returns to is not overwritten. */
static const char *put_call(struct relocation *relocation, const struct insn *insn)
{
	const struct insn_operand *operand = &insn->operands[0];
	bool direct = operand->type == INSN_IMMEDIATE;
	uint64_t slot = insn->address + insn->size + (uint64_t)operand->number;

	if (!direct && (operand->type != INSN_MEMORY || operand->reg != INSN_RIP))
		return "it calls by a pointer in its first bytes";
	if (direct) { /* push 5(%rip); jmp target */
		put_code(relocation, (const uint8_t[]){0xff, 0x35, 5, 0, 0, 0}, 6);
		put_jump(relocation, insn->target);
	} else { /* push 6(%rip); jmp *slot(%rip) */
		put_code(relocation,
			(const uint8_t[]){0xff, 0x35, 6, 0, 0, 0, 0xff, 0x25, 0, 0, 0, 0}, 12);
		put_fix(relocation, relocation->code_size - 4, relocation->code_size, slot);
	}
	put_fix(relocation, relocation->code_size, 0, insn->address + insn->size);
	put_code(relocation, (const uint8_t[8]){0}, 8);
	return NULL;
}

static const char *put_insn(struct relocation *relocation, const struct insn *insn)
{
	if (relocation->code_size + 2 * sizeof(insn->bytes) > sizeof(relocation->code) ||
		relocation->fix_count + 2 > RT_PATCH_FIXES_MAX || insn->short_only)
		return "an instruction at its entry cannot be moved";
	switch (insn->flow) {
	case INSN_JUMP:
		put_jump(relocation, insn->target);
		return NULL;
	case INSN_BRANCH:
		put_branch(relocation, insn);
		return NULL;
	case INSN_CALL:
		return put_call(relocation, insn);
	case INSN_STOP:
		return "it traps in its first bytes";
	default:
		break;
	}
	/* Marks where indirect calls may land; this copy is called by ours alone. */
	if (insn->name == INSN_ENDBR)
		return NULL;
	for (unsigned i = 0; i < insn->operand_count; i++) {
		if (insn->operands[i].type == INSN_MEMORY && insn->operands[i].reg == INSN_RIP)
			return put_relative(relocation, insn, &insn->operands[i]);
	}
	put_code(relocation, insn->bytes, insn->size);
	return NULL;
}

static bool ends_flow(const struct insn *insn)
{
	return insn->flow == INSN_JUMP || insn->flow == INSN_JUMP_INDIRECT ||
		insn->flow == INSN_RETURN || insn->flow == INSN_CALL;
}

/* Another function, or a second name of this one, that begins within the window. */
static bool is_entered_by_name(const struct elf *elf, uint64_t address, unsigned size)
{
	size_t count, above = elf_symbol_above(elf, address);
	const struct elf_symbol *symbols = elf_symbols(elf, &count);

	return above < count && symbols[above].address < address + size;
}

/* The instructions that a jump at `address` overwrites; the code ends at `end` at the latest. */
static const char *move_window(struct disasm *disasm, const struct elf *elf, uint64_t address,
	uint64_t end, struct relocation *relocation)
{
	uint8_t bytes[RT_PATCH_WINDOW_MAX + 16];
	unsigned got = (unsigned)elf_read(elf, address, bytes, sizeof(bytes)), size = 0;
	struct insn insn = {0};

	*relocation = (struct relocation){0};
	while (size < RT_PATCH_JUMP) {
		const char *why;

		if (ends_flow(&insn) || address + size >= end)
			return "it is too short";
		if (!disasm_next(disasm, bytes + size, got - size, address + size, &insn))
			return "it has instructions that are not known";
		why = put_insn(relocation, &insn);
		if (why)
			return why;
		size += insn.size;
	}
	if (address + size > end)
		return "it is too short";
	if (!ends_flow(&insn))
		put_jump(relocation, address + size);
	memcpy(relocation->window, bytes, size);
	relocation->window_size = size;
	return NULL;
}

const char *relocate_entry(struct disasm *disasm, const struct object *object,
	const struct elf_symbol *symbol, const struct stack_proof *proof,
	struct relocation *relocation)
{
	uint64_t end = symbol->size ? symbol->address + symbol->size : proof->end;
	const char *why;

	if (symbol->indirect)
		return "it is chosen at run time (ifunc)";
	if (proof->unread)
		return proof->unread;
	why = move_window(disasm, object->elf, symbol->address, end, relocation);
	if (why)
		return why;
	if (proof->entered & ((1u << relocation->window_size) - 2))
		return "a jump leads into its first bytes";
	if (is_entered_by_name(object->elf, symbol->address, relocation->window_size))
		return "another function begins in its first bytes";
	return NULL;
}

static const char *sweep(
	struct disasm *disasm, const uint8_t *code, size_t size, uint64_t address, unsigned window)
{
	struct insn insn;

	for (size_t at = 0; at < size; at += insn.size) {
		if (!disasm_next(disasm, code + at, size - at, address + at, &insn))
			return "it has instructions that are not known";
		if ((insn.flow == INSN_JUMP || insn.flow == INSN_BRANCH) && insn.target > address &&
			insn.target < address + window)
			return "a jump leads into its first bytes";
	}
	return NULL;
}

const char *relocate_known(struct disasm *disasm, const struct elf *elf, uint64_t address,
	uint64_t size, struct relocation *relocation)
{
	const char *why = move_window(disasm, elf, address, address + size, relocation);
	uint8_t *code;

	if (why)
		return why;
	if (size > KNOWN_MAX)
		return "it is too long";
	code = malloc(size);
	if (!code)
		return "out of memory";
	why = sweep(
		disasm, code, elf_read(elf, address, code, size), address, relocation->window_size);
	free(code);
	return why;
}
