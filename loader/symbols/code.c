/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/symbols/code.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/map.h"
#include "lib/strtab.h"
#include "loader/symbols/demangle.h"
#include "loader/symbols/elf.h"
#include "loader/symbols/frame.h"

/* What is remembered of one file; forgotten at once when it is reached. */
#define RULES_MAX 65536
/* A function's half that the compiler has split off stands at most so far behind its name. */
#define NAMELESS_MAX (1u << 20)

struct code {
	struct elf *elf;
	struct frame_table frames;
	struct map rules; /* by address: pack_rule */
	struct map names; /* by a function's start: its number in texts, + 1 */
	struct strtab *texts;
	bool loaded;
};

struct code *code_open(const char *path)
{
	struct elf *elf = elf_open(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	struct code *code = elf ? calloc(1, sizeof(*code)) : NULL;

	if (!code) {
		elf_close(elf);
		return NULL;
	}
	code->elf = elf;
	code->texts = strtab_new();
	if (!code->texts) {
		code_close(code);
		return NULL;
	}
	frame_table_of(&code->frames, elf);
	return code;
}

void code_close(struct code *code)
{
	if (!code)
		return;
	map_free(&code->rules);
	map_free(&code->names);
	strtab_free(code->texts);
	elf_close(code->elf);
	free(code);
}

struct elf *code_elf(struct code *code)
{
	return code->elf;
}

enum rule { RULE_BY_POINTER = 1, RULE_BY_RSP, RULE_BY_RBP };

/* How the caller's frame is found: two bits of enum rule, the CFA's offset, and where rbp is. */
static uint64_t pack_rule(const struct frame_row *row)
{
	uint64_t by = row->reg == FRAME_RSP ? RULE_BY_RSP : RULE_BY_RBP;

	if (row->expression || (row->reg != FRAME_RSP && row->reg != FRAME_RBP) ||
		row->offset < 8 || row->offset > INT32_MAX / 2 || row->rbp > 0 ||
		row->rbp < -INT32_MAX / 2)
		return RULE_BY_POINTER;
	return by | (uint64_t)row->offset << 2 | (uint64_t)(-row->rbp) << 33;
}

static uint64_t rule_of(struct code *code, uint64_t address)
{
	uint64_t *known = map_find(&code->rules, address), rule = RULE_BY_POINTER;
	struct frame frame;

	if (known)
		return *known;
	if (!frame_find(&code->frames, address, &frame)) {
		const struct frame_row *row = frame_row_at(&frame, address);

		if (row)
			rule = pack_rule(row);
		frame_free(&frame);
	}
	if (code->rules.count >= RULES_MAX)
		map_free(&code->rules);
	known = map_at(&code->rules, address);
	if (known)
		*known = rule;
	return rule;
}

static bool read_word(const struct code_stack *stack, uint64_t address, uint64_t *word)
{
	uint64_t inside = address - stack->at;

	if (address < stack->at || inside + 8 > stack->size || inside + 8 < inside)
		return false;
	memcpy(word, stack->bytes + inside, 8);
	return true;
}

/* rbp holds the address of the caller's, with the return address above it. */
static bool step_by_pointer(const struct code_stack *stack, struct code_registers *registers)
{
	uint64_t bp, ip;

	if (registers->bp < registers->sp || !read_word(stack, registers->bp, &bp) ||
		!read_word(stack, registers->bp + 8, &ip) || !ip)
		return false;
	*registers = (struct code_registers){.ip = ip, .sp = registers->bp + 16, .bp = bp};
	return true;
}

bool code_step(struct code *code, uint64_t address, const struct code_stack *stack,
	struct code_registers *registers)
{
	uint64_t rule = code ? rule_of(code, address) : RULE_BY_POINTER;
	uint64_t cfa, ip, bp = registers->bp, saved = rule >> 33;

	if ((rule & 3) == RULE_BY_POINTER)
		return step_by_pointer(stack, registers);
	cfa = ((rule & 3) == RULE_BY_RSP ? registers->sp : registers->bp) + (rule >> 2 & INT32_MAX);
	if (cfa <= registers->sp || !read_word(stack, cfa - 8, &ip) || !ip ||
		(saved && !read_word(stack, cfa - saved, &bp)))
		return false;
	*registers = (struct code_registers){.ip = ip, .sp = cfa, .bp = bp};
	return true;
}

/* The last function that begins at or before the address. */
static const struct elf_symbol *symbol_at(struct code *code, uint64_t address)
{
	const struct elf_symbol *symbols;
	size_t count, low;

	if (!code->loaded) {
		code->loaded = true;
		elf_load(code->elf);
	}
	symbols = elf_symbols(code->elf, &count);
	low = elf_symbol_above(code->elf, address);
	while (low > 1 && symbols[low - 2].address == symbols[low - 1].address)
		low--;
	if (!low)
		return NULL;
	symbols += low - 1;
	if (address - symbols->address >= (symbols->size ? symbols->size : NAMELESS_MAX))
		return NULL;
	return symbols;
}

static uint32_t demangled(struct code *code, const char *symbol)
{
	char *name = demangle(symbol);
	uint32_t number = name ? strtab_add(code->texts, name, demangled_name_size(name)) : 0;

	free(name);
	return number;
}

const char *code_name(struct code *code, uint64_t address, uint64_t *start)
{
	const struct elf_symbol *symbol = symbol_at(code, address);
	struct frame frame;
	uint64_t *known;

	if (!symbol) {
		*start = address;
		if (!frame_find(&code->frames, address, &frame)) {
			*start = frame.start;
			frame_free(&frame);
		}
		return "";
	}
	*start = symbol->address;
	known = map_at(&code->names, symbol->address);
	if (!known)
		return symbol->name;
	if (!*known)
		*known = demangled(code, symbol->name) + 1;
	return strtab_get(code->texts, (uint32_t)(*known - 1));
}
