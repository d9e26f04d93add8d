/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions to hook, each analysed once however many processes load its file, and what could
 * not be hooked as asked. Not thread-safe: plan.c locks.
 */
#ifndef LOADER_SYMBOLS_FUNCTIONS_H
#define LOADER_SYMBOLS_FUNCTIONS_H

#include "loader/symbols/plan.h"
#include "loader/symbols/relocate.h"

struct planned {
	uint32_t kind;
	char *name;
	char *title; /* the name, saying so where only entries are recorded */
	char *module;
	char *symbol;
	uint64_t file; /* which one: plan.c's number */
	uint64_t address;
	const struct catalog_function *known; /* NULL: no pack speaks of it */
	bool unasked;			      /* it is there for the pack alone */
	bool analysed;
	uint32_t told;	/* bit per enum rt_outcome_what that was reported */
	uint16_t flags; /* enum rt_patch_flags; 0: not to be hooked */
	uint16_t stack_size;
	struct relocation relocation;
};

struct functions;

struct functions *functions_new(void);
void functions_free(struct functions *functions);

/* The function at symbol->address of that file, made with the next kind where it is new. NULL:
 * out of memory or of kinds. `name` is its demangled name. */
struct planned *functions_add(struct functions *functions, uint64_t file, const char *module,
	const struct elf_symbol *symbol, const char *name);

/* A function that a pack speaks of goes by its name without the parameters. */
void functions_name_known(struct planned *planned, const struct catalog_function *known);

/* Decides how it is hooked. 0, or -ENOMEM. */
int functions_analyse(struct functions *functions, struct planned *planned, struct disasm *disasm,
	const struct object *object, const struct elf_symbol *symbol, import_fn *import,
	void *context);

/* Why a function is not hooked (hooked false), or less well than asked. */
void functions_refuse(struct functions *functions, const struct planned *planned, const char *intro,
	const char *reason, bool hooked);

struct planned *functions_at(const struct functions *functions, size_t index);

size_t functions_refusals(const struct functions *functions);
const struct plan_refusal *functions_refusal(const struct functions *functions, size_t index);

#endif
