/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof of stack_proof.h: a worklist of stretches of code (one unwind entry each), each read
 * from end to end. Reading what cannot be reached does no harm: it can only enlarge the answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/symbols/stack_proof.h"
#include "wire/patch.h"

#define STRETCHES_MAX 96
#define STRETCH_SIZE_MAX (256u << 10)
#define CODE_MAX (1u << 20)
#define TABLES_MAX 256
#define CASES_MAX 1024
#define RETURN_ADDRESS (-8) /* where it is, seen from the arguments */

struct stretch {
	const struct object *object;
	uint64_t start;
	int64_t depth; /* the stack pointer is at least so far below the arguments */
	uint8_t anchor;
};

struct proving {
	struct disasm *disasm;
	import_fn *import;
	void *context;
	struct stack_proof *proof;
	uint64_t entry;
	const struct object *entry_object;
	size_t code_read, done, count;
	struct stretch stretches[STRETCHES_MAX];
	bool has_switch;
	size_t table_count, tables_done;
	struct table {
		const struct object *object;
		uint64_t address;
		int64_t depth;
		uint8_t anchor;
	} tables[TABLES_MAX]; /* what `lea reg, [rip + x]` pointed at */
};

/* The stretch being read. */
struct reading {
	const struct object *object;
	struct frame frame;
	struct frame_row row, next_row;
	int64_t depth;
	bool depth_final;
	int64_t frame_depth; /* what it was when the frame was last described by another register */
	uint8_t anchor;	     /* register that holds the arguments' address in a realigned frame */
	bool anchor_live;    /* as far as can be told: it may serve other ends in between */
	bool switch_likely;  /* seen just now: a load of a table's entry */
	bool flow_ended;     /* by the instruction before */
	bool copied[16];     /* registers that were given the stack pointer */
	int64_t copied_depth[16];
};

static void fail(struct proving *proving, const char *why)
{
	if (!proving->proof->unproved)
		proving->proof->unproved = why;
}

/* Whatever its arguments are, it is not to be called from elsewhere. */
static void fail_oddly(struct proving *proving, const char *why)
{
	fail(proving, why);
	proving->proof->returns_oddly = true;
}

/* Not even the places that are jumped to are all known. */
static void fail_blind(struct proving *proving, const char *why)
{
	fail(proving, why);
	if (!proving->proof->unread)
		proving->proof->unread = why;
}

static void note_entered(struct proving *proving, const struct object *object, uint64_t target)
{
	uint64_t inside = target - proving->entry;

	if (object == proving->entry_object && inside && inside < 32)
		proving->proof->entered |= 1u << inside;
}

static bool is_visited(const struct proving *proving, const struct object *object, uint64_t start)
{
	for (size_t i = 0; i < proving->count; i++) {
		if (proving->stretches[i].object == object && proving->stretches[i].start == start)
			return true;
	}
	return false;
}

static void visit(struct proving *proving, const struct object *object, uint64_t start,
	int64_t depth, uint8_t anchor)
{
	if (is_visited(proving, object, start))
		return;
	if (proving->count == STRETCHES_MAX) {
		fail_blind(proving, "there is too much code behind it");
		return;
	}
	proving->stretches[proving->count++] = (struct stretch){object, start, depth, anchor};
}

/* A jump out of the stretch: into another part of the function, or into another function. */
static void leave_to(struct proving *proving, struct reading *reading, uint64_t target)
{
	const struct object *object = reading->object;
	struct frame frame;

	note_entered(proving, object, target);
	if (target >= reading->frame.start && target < reading->frame.end)
		return;
	if (frame_find(&object->frames, target, &frame)) {
		fail_blind(proving, "it jumps into code that has no unwind information");
		return;
	}
	visit(proving, object, frame.start, reading->depth, reading->anchor);
	frame_free(&frame);
}

static void leave_to_import(struct proving *proving, const char *symbol)
{
	uint64_t address = 0;
	const struct object *object = proving->import(proving->context, symbol, &address);
	struct frame frame;

	if (!object || frame_find(&object->frames, address, &frame)) {
		fail(proving, "it jumps on into a function that cannot be looked into");
		return;
	}
	visit(proving, object, frame.start, -RETURN_ADDRESS, INSN_NONE);
	frame_free(&frame);
}

/* The slot that a stub of the procedure linkage table at `address` jumps by, or 0. */
static uint64_t stub_slot(struct proving *proving, const struct object *object, uint64_t address)
{
	uint8_t code[24];
	size_t size = elf_read(object->elf, address, code, sizeof(code)), at = 0;
	struct insn insn;

	for (unsigned i = 0; i < 2; i++, at += insn.size) {
		if (!disasm_next(proving->disasm, code + at, size - at, address + at, &insn))
			return 0;
		if (insn.flow == INSN_JUMP_INDIRECT && insn.operands[0].type == INSN_MEMORY &&
			insn.operands[0].reg == INSN_RIP)
			return insn.address + insn.size + (uint64_t)insn.operands[0].number;
		if (insn.name != INSN_ENDBR)
			return 0;
	}
	return 0;
}

static void leave(struct proving *proving, struct reading *reading, const struct insn *insn)
{
	const char *symbol = NULL;
	uint64_t slot = 0;

	if (insn->target < reading->frame.start || insn->target >= reading->frame.end)
		slot = stub_slot(proving, reading->object, insn->target);
	if (slot)
		symbol = elf_slot(reading->object->elf, slot);
	if (symbol)
		leave_to_import(proving, symbol);
	else
		leave_to(proving, reading, insn->target);
}

static void note_table(struct proving *proving, const struct reading *reading, uint64_t address)
{
	if (elf_executable(reading->object->elf, address))
		return;
	if (proving->table_count == TABLES_MAX) {
		fail_blind(proving, "there is too much code behind it");
		return;
	}
	proving->tables[proving->table_count++] =
		(struct table){reading->object, address, reading->depth, reading->anchor};
}

/* Is nothing on the stack yet but the return address? */
static bool is_entry(const struct frame_row *row)
{
	return !row->expression && row->reg == FRAME_RSP && row->offset == -RETURN_ADDRESS;
}

/* False where `target` cannot be a case of a switch in the code seen so far. */
static bool visit_case(struct proving *proving, const struct table *table, uint64_t target)
{
	struct frame frame;
	bool part;

	if (!elf_executable(table->object->elf, target) ||
		frame_find(&table->object->frames, target, &frame))
		return false;
	/* A part that was split off stands in the function's frame; a function does not. */
	part = is_visited(proving, table->object, frame.start) || frame.start != target ||
		frame.rows[0].reg != FRAME_RSP || frame.rows[0].offset != -RETURN_ADDRESS;
	if (part) {
		note_entered(proving, table->object, target);
		visit(proving, table->object, frame.start, table->depth, table->anchor);
	}
	frame_free(&frame);
	return part;
}

/* Follows what may be the cases of a switch: distances of 32 bits from the table's own address.
 * Where a table ends is not told; its entries are read for as long as they lead into code. */
static void read_table(struct proving *proving, const struct table *table)
{
	int32_t cases[CASES_MAX];
	size_t count = elf_read(table->object->elf, table->address, cases, sizeof(cases)) / 4;

	for (size_t i = 0; i < count; i++) {
		if (!visit_case(proving, table, table->address + (uint64_t)(int64_t)cases[i]))
			return;
	}
}

static void leave_indirectly(
	struct proving *proving, struct reading *reading, const struct insn *insn)
{
	const struct insn_operand *operand = &insn->operands[0];

	if (operand->type == INSN_MEMORY && operand->reg == INSN_RIP) {
		const char *symbol = elf_slot(reading->object->elf,
			insn->address + insn->size + (uint64_t)operand->number);

		if (symbol) {
			leave_to_import(proving, symbol);
			return;
		}
	}
	/* A jump out of the function comes after its frame is taken down; so this is a switch. */
	if (!is_entry(&reading->row) || insn->notrack || reading->switch_likely)
		proving->has_switch = true;
	else
		fail(proving, "it ends by a jump to an address that it computes");
}

/* Where a register points, seen from the arguments: exactly, or at most so far up. */
static bool register_place(const struct reading *reading, uint8_t reg, int64_t *place)
{
	const struct frame_row *row = &reading->row;

	if (reg >= 16)
		return false;
	if (!row->expression && reg == row->reg) {
		*place = -row->offset;
		return true;
	}
	if (reg == FRAME_RSP) {
		*place = -reading->depth;
		return true;
	}
	if (row->expression && reg == reading->anchor && reading->anchor_live) {
		*place = 0;
		return true;
	}
	if (reading->copied[reg]) {
		*place = -reading->copied_depth[reg];
		return true;
	}
	return false;
}

static void check_access(struct proving *proving, const struct reading *reading,
	const struct insn *insn, const struct insn_operand *operand)
{
	int64_t place, end;
	bool exact;

	if (!register_place(reading, operand->reg, &place))
		return;
	exact = operand->reg == reading->row.reg || operand->reg == reading->anchor;
	place += operand->number;
	end = place + (operand->size ? operand->size : 8);
	/* In a realigned frame the base and stack pointers are far below, nobody knows how far. */
	if (reading->row.expression && operand->reg != reading->anchor)
		return;
	if (operand->index != INSN_NONE) {
		if (place > -64)
			fail(proving, "it indexes its stack arguments");
		return;
	}
	if (end <= RETURN_ADDRESS)
		return;
	if (!exact)
		fail(proving, "it reaches its arguments in a way that is not understood");
	else if (place < 0 && !(insn->name == INSN_PUSH && reading->row.reg != FRAME_RSP))
		fail_oddly(proving, "it looks at its return address");
	else if (end > RT_PATCH_STACK_MAX)
		fail(proving, "its stack arguments are too many");
	else if (end > (int64_t)proving->proof->size)
		proving->proof->size = (unsigned)(end + 7) & ~7u;
}

/* lea and mov of a stack address into a register. */
static void check_address(struct proving *proving, struct reading *reading, const struct insn *insn,
	uint8_t from, int64_t number)
{
	uint8_t into = insn->operands[0].type == INSN_REGISTER ? insn->operands[0].reg : INSN_NONE;
	bool is_anchor = from == reading->anchor && reading->row.expression;
	int64_t place;

	if (!register_place(reading, from, &place))
		return;
	if (into == INSN_RSP ||
		(into != INSN_NONE && !reading->next_row.expression &&
			into == reading->next_row.reg)) {
		if (into != INSN_RSP && !reading->next_row.expression &&
			reading->next_row.reg != FRAME_RBP)
			reading->anchor = into;
		reading->anchor_live = true;
		return;
	}
	/* A realigned frame keeps its anchor in memory and nowhere else. */
	if (is_anchor && insn->operands[0].type == INSN_MEMORY)
		return;
	if (place + number >= 0 || (is_anchor && insn->name == INSN_MOV))
		fail(proving, "it takes the address of its stack arguments");
	else if (place + number >= RETURN_ADDRESS)
		is_anchor ? fail(proving, "it takes the address of its stack arguments")
			  : fail_oddly(proving, "it looks at its return address");
	else if (insn->name == INSN_MOV && into < 16) {
		reading->copied[into] = true;
		reading->copied_depth[into] = -(place + number);
	}
}

static void check_operands(
	struct proving *proving, struct reading *reading, const struct insn *insn)
{
	const struct insn_operand *source = &insn->operands[1];

	if (insn->name == INSN_LEA && insn->operand_count == 2) {
		if (source->reg == INSN_RIP)
			note_table(proving, reading,
				insn->address + insn->size + (uint64_t)source->number);
		else if (source->index == INSN_NONE)
			check_address(proving, reading, insn, source->reg, source->number);
		else
			check_access(proving, reading, insn, source);
		return;
	}
	if (insn->name == INSN_MOV && insn->operand_count == 2 && source->type == INSN_REGISTER &&
		source->size == 8)
		check_address(proving, reading, insn, source->reg, 0);
	if (insn->name == INSN_POP && is_entry(&reading->row))
		fail_oddly(proving, "it looks at its return address");
	for (unsigned i = 0; i < insn->operand_count; i++) {
		if (insn->operands[i].type == INSN_MEMORY && insn->operands[i].reg != INSN_NONE)
			check_access(proving, reading, insn, &insn->operands[i]);
	}
}

static bool is_by_stack_pointer(const struct frame_row *row)
{
	return !row->expression && row->reg == FRAME_RSP;
}

/* How deep the stack pointer is at least, for frames that are described by another register. */
static void follow_depth(struct reading *reading, const struct insn *insn)
{
	const struct insn_operand *operands = insn->operands;

	if (is_by_stack_pointer(&reading->next_row)) {
		reading->depth = reading->next_row.offset;
		reading->depth_final = false;
		return;
	}
	if (is_by_stack_pointer(&reading->row) && insn->name != INSN_MOV &&
		insn->name != INSN_LEA) {
		/* The frame was taken down before; here it stands again. */
		reading->depth = reading->frame_depth;
		reading->depth_final = true;
	}
	if (reading->depth_final)
		return;
	if (insn->name == INSN_PUSH)
		reading->depth += 8;
	else if (insn->name == INSN_SUB && operands[0].type == INSN_REGISTER &&
		operands[0].reg == INSN_RSP && operands[1].type == INSN_IMMEDIATE)
		reading->depth += operands[1].number;
	else if (insn->name != INSN_AND && /* aligned downwards */
		(insn->flow != INSN_NEXT ||
			(operands[0].type == INSN_REGISTER && operands[0].reg == INSN_RSP)))
		reading->depth_final = true;
	reading->frame_depth = reading->depth;
}

/* Before an instruction: it gives its register another value, or is not come to from above. */
static void forget_copies(struct reading *reading, const struct insn *insn)
{
	const struct insn_operand *into = &insn->operands[0];

	if (reading->flow_ended) {
		memset(reading->copied, 0, sizeof(reading->copied));
		reading->anchor_live = true;
	}
	reading->flow_ended = insn->flow == INSN_JUMP || insn->flow == INSN_JUMP_INDIRECT ||
		insn->flow == INSN_RETURN || insn->flow == INSN_STOP;
	if (!insn->operand_count || into->type != INSN_REGISTER || into->reg >= 16 ||
		!into->written)
		return;
	reading->copied[into->reg] = false;
	if (into->reg == reading->anchor)
		reading->anchor_live = insn->name == INSN_MOV &&
			insn->operands[1].type == INSN_MEMORY &&
			(insn->operands[1].reg == INSN_RBP || insn->operands[1].reg == INSN_RSP);
}

static void read_insn(struct proving *proving, struct reading *reading, const struct insn *insn)
{
	reading->row = *frame_row_at(&reading->frame, insn->address);
	reading->next_row = *frame_row_at(&reading->frame, insn->address + insn->size);
	if (is_by_stack_pointer(&reading->row)) {
		reading->depth = reading->row.offset;
		reading->depth_final = false;
	}
	forget_copies(reading, insn);
	check_operands(proving, reading, insn);
	if (insn->flow == INSN_JUMP || insn->flow == INSN_BRANCH)
		leave(proving, reading, insn);
	else if (insn->flow == INSN_JUMP_INDIRECT)
		leave_indirectly(proving, reading, insn);
	else if (insn->flow == INSN_RETURN && insn->operand_count)
		fail_oddly(proving, "it takes its arguments off the stack");
	reading->switch_likely =
		insn->name == INSN_MOVSXD || (reading->switch_likely && insn->name == INSN_ADD);
	follow_depth(reading, insn);
}

static void read_code(
	struct proving *proving, struct reading *reading, const uint8_t *code, size_t size)
{
	struct insn insn = {.flow = INSN_STOP};
	size_t at = 0;

	while (at < size) {
		if (!disasm_next(proving->disasm, code + at, size - at, reading->frame.start + at,
			    &insn)) {
			fail_blind(proving, "it has instructions that are not known");
			return;
		}
		read_insn(proving, reading, &insn);
		at += insn.size;
	}
	if (insn.flow == INSN_NEXT || insn.flow == INSN_BRANCH)
		leave_to(proving, reading, reading->frame.end);
}

static int read_stretch(struct proving *proving, const struct stretch *stretch)
{
	struct reading reading = {
		.object = stretch->object, .anchor = stretch->anchor, .anchor_live = true};
	size_t size;
	uint8_t *code;
	int err = frame_find(&stretch->object->frames, stretch->start, &reading.frame);

	if (err) {
		fail_blind(proving, "it has no unwind information");
		return err == -ENOMEM ? err : 0;
	}
	if (stretch == proving->stretches) {
		proving->proof->end = reading.frame.end;
		proving->proof->part =
			stretch->start != reading.frame.start || !is_entry(&reading.frame.rows[0]);
	}
	reading.depth = stretch->depth;
	reading.depth_final = true;
	size = reading.frame.end - reading.frame.start;
	code = size <= STRETCH_SIZE_MAX ? malloc(size) : NULL;
	proving->code_read += size;
	if (size > STRETCH_SIZE_MAX || proving->code_read > CODE_MAX) {
		fail_blind(proving, "there is too much code behind it");
	} else if (!code) {
		err = -ENOMEM;
	} else if (elf_read(reading.object->elf, reading.frame.start, code, size) != size) {
		fail_blind(proving, "its code cannot be read");
	} else {
		for (size_t i = 0; i < reading.frame.landing_count; i++)
			leave_to(proving, &reading, reading.frame.landings[i]);
		read_code(proving, &reading, code, size);
	}
	free(code);
	frame_free(&reading.frame);
	return err;
}

static void read_tables(struct proving *proving)
{
	if (!proving->table_count)
		fail_blind(proving, "it has a switch that is not understood");
	while (proving->tables_done < proving->table_count)
		read_table(proving, &proving->tables[proving->tables_done++]);
}

int stack_prove(struct disasm *disasm, const struct object *object, uint64_t address,
	import_fn *import, void *context, struct stack_proof *proof)
{
	struct proving *proving = calloc(1, sizeof(*proving));
	int err = 0;

	*proof = (struct stack_proof){0};
	if (!proving)
		return -ENOMEM;
	proving->disasm = disasm;
	proving->import = import;
	proving->context = context;
	proving->proof = proof;
	proving->entry = address;
	proving->entry_object = object;
	visit(proving, object, address, -RETURN_ADDRESS, INSN_NONE);
	while (!err && proving->done < proving->count) {
		err = read_stretch(proving, &proving->stretches[proving->done++]);
		if (proving->done == proving->count && proving->has_switch)
			read_tables(proving);
	}
	free(proving);
	return err;
}
