/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machine code, one instruction at a time, in the few words that the proof of stack arguments and
 * the relocation of entries need. <capstone/capstone.h> lives behind it.
 */
#ifndef LOADER_SYMBOLS_DISASM_H
#define LOADER_SYMBOLS_DISASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DWARF's numbers of the sixteen general registers; parts count as the whole. */
#define INSN_RBP 6
#define INSN_RSP 7
#define INSN_RIP 16
#define INSN_NONE 255
#define INSN_OPERANDS 4

enum insn_flow {
	INSN_NEXT,
	INSN_JUMP,   /* to target */
	INSN_BRANCH, /* to target or on */
	INSN_JUMP_INDIRECT,
	INSN_CALL, /* direct or not */
	INSN_RETURN,
	INSN_STOP, /* nothing comes after it */
};

enum insn_name {
	INSN_OTHER,
	INSN_LEA,
	INSN_MOV,
	INSN_MOVSXD,
	INSN_ADD,
	INSN_SUB,
	INSN_AND,
	INSN_PUSH,
	INSN_POP,
	INSN_LEAVE,
	INSN_ENDBR,
};

struct insn_operand {
	enum { INSN_REGISTER, INSN_MEMORY, INSN_IMMEDIATE } type;
	bool written;
	uint8_t reg; /* the register, or the memory operand's base */
	uint8_t index;
	uint8_t scale;
	uint8_t size;	/* bytes; 0: not told */
	int64_t number; /* displacement, or the immediate value */
};

struct insn {
	uint64_t address;
	uint8_t bytes[16];
	uint8_t size;
	uint8_t flow; /* enum insn_flow */
	uint8_t name; /* enum insn_name */
	uint8_t operand_count;
	uint8_t displacement_at; /* where in bytes[] the displacement stands, 0: nowhere */
	bool notrack;		 /* marked by the compiler as the jump of a switch */
	bool short_only;	 /* a branch that has no form with a 32-bit distance */
	uint64_t target;
	struct insn_operand operands[INSN_OPERANDS];
};

struct disasm;

struct disasm *disasm_new(void);
void disasm_free(struct disasm *disasm);

/* The instruction at the start of code; false where it is none. */
bool disasm_next(struct disasm *disasm, const uint8_t *code, size_t size, uint64_t address,
	struct insn *insn);

#endif
