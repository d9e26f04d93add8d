/* SPDX-License-Identifier: Apache-2.0 */
/* Disassembles x86-64 through capstone. */
#include <capstone/capstone.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/symbols/disasm.h"

struct disasm {
	csh handle;
	cs_insn *insn;
};

struct disasm *disasm_new(void)
{
	struct disasm *disasm = calloc(1, sizeof(*disasm));

	if (!disasm)
		return NULL;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &disasm->handle) != CS_ERR_OK)
		goto out;
	cs_option(disasm->handle, CS_OPT_DETAIL, CS_OPT_ON);
	disasm->insn = cs_malloc(disasm->handle);
	if (disasm->insn)
		return disasm;
out:
	disasm_free(disasm);
	errno = ENOMEM;
	return NULL;
}

void disasm_free(struct disasm *disasm)
{
	if (!disasm)
		return;
	if (disasm->insn)
		cs_free(disasm->insn, 1);
	if (disasm->handle)
		cs_close(&disasm->handle);
	free(disasm);
}

#define FOUR(a, b, c, d, number) \
	case X86_REG_##a:        \
	case X86_REG_##b:        \
	case X86_REG_##c:        \
	case X86_REG_##d:        \
		return number

static uint8_t register_number(unsigned reg)
{
	switch (reg) {
		FOUR(RAX, EAX, AX, AL, 0);
		FOUR(RDX, EDX, DX, DL, 1);
		FOUR(RCX, ECX, CX, CL, 2);
		FOUR(RBX, EBX, BX, BL, 3);
		FOUR(RSI, ESI, SI, SIL, 4);
		FOUR(RDI, EDI, DI, DIL, 5);
		FOUR(RBP, EBP, BP, BPL, INSN_RBP);
		FOUR(RSP, ESP, SP, SPL, INSN_RSP);
		FOUR(R8, R8D, R8W, R8B, 8);
		FOUR(R9, R9D, R9W, R9B, 9);
		FOUR(R10, R10D, R10W, R10B, 10);
		FOUR(R11, R11D, R11W, R11B, 11);
		FOUR(R12, R12D, R12W, R12B, 12);
		FOUR(R13, R13D, R13W, R13B, 13);
		FOUR(R14, R14D, R14W, R14B, 14);
		FOUR(R15, R15D, R15W, R15B, 15);
	case X86_REG_AH:
		return 0;
	case X86_REG_DH:
		return 1;
	case X86_REG_CH:
		return 2;
	case X86_REG_BH:
		return 3;
	case X86_REG_RIP:
		return INSN_RIP;
	default:
		return INSN_NONE;
	}
}

static uint8_t name_of(unsigned id)
{
	switch (id) {
	case X86_INS_LEA:
		return INSN_LEA;
	case X86_INS_MOV:
	case X86_INS_MOVABS:
		return INSN_MOV;
	case X86_INS_MOVSXD:
		return INSN_MOVSXD;
	case X86_INS_ADD:
		return INSN_ADD;
	case X86_INS_SUB:
		return INSN_SUB;
	case X86_INS_AND:
		return INSN_AND;
	case X86_INS_PUSH:
		return INSN_PUSH;
	case X86_INS_POP:
		return INSN_POP;
	case X86_INS_LEAVE:
		return INSN_LEAVE;
	case X86_INS_ENDBR64:
		return INSN_ENDBR;
	default:
		return INSN_OTHER;
	}
}

static bool stops(unsigned id)
{
	return id == X86_INS_UD2 || id == X86_INS_UD0 || id == X86_INS_HLT || id == X86_INS_INT3;
}

static uint8_t flow_of(const cs_insn *from, const struct insn *insn)
{
	const cs_detail *detail = from->detail;
	bool jump = false, call = false, ret = false;

	for (unsigned i = 0; i < detail->groups_count; i++) {
		jump |= detail->groups[i] == CS_GRP_JUMP;
		call |= detail->groups[i] == CS_GRP_CALL;
		ret |= detail->groups[i] == CS_GRP_RET;
	}
	if (ret)
		return INSN_RETURN;
	if (call)
		return INSN_CALL;
	if (stops(from->id))
		return INSN_STOP;
	if (!jump)
		return INSN_NEXT;
	if (insn->operand_count != 1 || insn->operands[0].type != INSN_IMMEDIATE)
		return INSN_JUMP_INDIRECT;
	return from->id == X86_INS_JMP ? INSN_JUMP : INSN_BRANCH;
}

static bool is_short_only(unsigned id)
{
	return id == X86_INS_JCXZ || id == X86_INS_JECXZ || id == X86_INS_JRCXZ ||
		id == X86_INS_LOOP || id == X86_INS_LOOPE || id == X86_INS_LOOPNE ||
		id == X86_INS_XBEGIN;
}

static void convert_operand(const cs_x86_op *from, struct insn_operand *operand)
{
	*operand = (struct insn_operand){.size = from->size, .index = INSN_NONE, .scale = 1};
	operand->written = from->access & CS_AC_WRITE;
	switch (from->type) {
	case X86_OP_REG:
		operand->type = INSN_REGISTER;
		operand->reg = register_number(from->reg);
		break;
	case X86_OP_MEM:
		operand->type = INSN_MEMORY;
		operand->reg = register_number(from->mem.base);
		operand->index = register_number(from->mem.index);
		operand->scale = (uint8_t)from->mem.scale;
		operand->number = from->mem.disp;
		break;
	default:
		operand->type = INSN_IMMEDIATE;
		operand->reg = INSN_NONE;
		operand->number = from->imm;
	}
}

/* Registers as instructions number them. */
static const uint8_t numbers[16] = {
	0, 2, 1, 3, INSN_RSP, INSN_RBP, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

/* A vector instruction's prefix: how long, and what of it is needed. */
struct prefix {
	unsigned size, map;
	uint8_t extend_index, extend_base; /* 8 or 0 */
	unsigned unit;			   /* the most that a one-byte displacement counts in */
};

/*
 * The memory operand at a ModRM byte; what it takes of the code, or 0. One-byte displacements of
 * EVEX count in units that only the opcode tells: the highest address they can mean is given.
 */
static unsigned vector_memory(
	struct insn *insn, const struct prefix *prefix, const uint8_t *code, unsigned left)
{
	unsigned mode = code[0] >> 6, base = code[0] & 7, took = 1, disp = mode == 1 ? 1 : 0;
	struct insn_operand operand = {
		.type = INSN_MEMORY, .size = 64, .index = INSN_NONE, .scale = 1};
	bool no_base = mode == 0 && base == 5;
	int32_t number = 0;

	if (base == 4) {
		unsigned index = left > 1 ? (code[1] >> 3 & 7) | prefix->extend_index : 4;

		operand.index = index == 4 ? INSN_NONE : numbers[index];
		base = left > 1 ? code[1] & 7 : 0;
		no_base = mode == 0 && base == 5;
		took++;
	}
	operand.reg = numbers[base | prefix->extend_base];
	if (no_base)
		operand.reg = code[0] % 8 == 5 ? INSN_RIP : INSN_NONE;
	if (no_base || mode == 2)
		disp = 4;
	if (left < took + disp)
		return 0;
	if (disp == 4) {
		memcpy(&number, code + took, 4);
		insn->displacement_at = (uint8_t)(prefix->size + 1 + took);
	} else if (disp) {
		number = (int8_t)code[took];
		if (number > 0)
			number *= (int32_t)prefix->unit;
	}
	operand.number = number;
	insn->operands[insn->operand_count++] = operand;
	return took + disp;
}

static bool read_prefix(struct prefix *prefix, const uint8_t *code)
{
	switch (code[0]) {
	case 0x62: /* EVEX */
		*prefix = (struct prefix){4, code[1] & 7, ~code[1] >> 3 & 8, ~code[1] >> 2 & 8, 64};
		return true;
	case 0xc4: /* VEX of three bytes */
		*prefix = (struct prefix){3, code[1] & 31, ~code[1] >> 3 & 8, ~code[1] >> 2 & 8, 1};
		return true;
	case 0xc5: /* and of two */
		*prefix = (struct prefix){2, 1, 0, 0, 1};
		return true;
	default:
		return false;
	}
}

static bool has_immediate(unsigned map, uint8_t opcode)
{
	return map == 3 ||
		(map == 1 &&
			((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 ||
				(opcode >= 0xc4 && opcode <= 0xc6)));
}

/*
 * Many vector instructions are younger than capstone's tables. None of them jumps or touches the
 * stack pointer, and all have one form: prefix, opcode, ModRM, what that asks for, immediate byte.
 */
static bool decode_vector(const uint8_t *code, size_t size, uint64_t address, struct insn *insn)
{
	unsigned left = size < 15 ? (unsigned)size : 15, took = 1, operands;
	struct prefix prefix;

	if (left < 6 || !read_prefix(&prefix, code))
		return false;
	operands = prefix.size + 1;
	*insn = (struct insn){.address = address, .flow = INSN_NEXT, .name = INSN_OTHER};
	memcpy(insn->bytes, code, left);
	if (code[operands] < 0xc0)
		took = vector_memory(insn, &prefix, code + operands, left - operands);
	insn->size = (uint8_t)(operands + took + has_immediate(prefix.map, code[operands - 1]));
	return took && insn->size <= left;
}

bool disasm_next(struct disasm *disasm, const uint8_t *code, size_t size, uint64_t address,
	struct insn *insn)
{
	const cs_insn *from = disasm->insn;
	const uint8_t *begin = code;
	const cs_x86 *x86;
	size_t left = size;

	if (!cs_disasm_iter(disasm->handle, &code, &left, &address, disasm->insn))
		return decode_vector(begin, size, address, insn);
	x86 = &from->detail->x86;
	*insn = (struct insn){.address = from->address, .size = (uint8_t)from->size};
	memcpy(insn->bytes, from->bytes, sizeof(insn->bytes));
	insn->name = name_of(from->id);
	insn->displacement_at = x86->encoding.disp_offset;
	for (unsigned i = 0; i < x86->op_count && i < INSN_OPERANDS; i++)
		convert_operand(&x86->operands[i], &insn->operands[insn->operand_count++]);
	insn->flow = flow_of(from, insn);
	if (insn->operand_count && insn->operands[0].type == INSN_IMMEDIATE)
		insn->target = (uint64_t)insn->operands[0].number;
	insn->short_only = is_short_only(from->id);
	insn->notrack = insn->flow == INSN_JUMP_INDIRECT && insn->bytes[0] == 0x3e;
	return true;
}
