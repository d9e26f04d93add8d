/* SPDX-License-Identifier: Apache-2.0 */
/* An ELF file of a target: its symbols, unwind tables and code, as functions by pattern read them.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loader/symbols/demangle.h"
#include "loader/symbols/relocate.h"
#include "loader/symbols/stack_proof.h"

#define SYMBOLS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct object *find_import(void *context, const char *symbol, uint64_t *address)
{
	struct object *object = context;
	struct elf_symbol found;

	if (!elf_exported(object->elf, symbol, &found))
		return NULL;
	*address = found.address;
	return object;
}

static void analyse(struct disasm *disasm, struct object *object)
{
	size_t count;
	const struct elf_symbol *symbols = elf_symbols(object->elf, &count);

	for (size_t i = 0; i < count && i < SYMBOLS_MAX; i++) {
		struct relocation relocation;
		struct stack_proof proof;
		char *name = demangle(symbols[i].name);

		if (!name)
			abort();
		free(name);
		if (stack_prove(disasm, object, symbols[i].address, find_import, object, &proof))
			abort();
		if (!proof.unproved && (proof.size % 8 || proof.size > RT_PATCH_STACK_MAX))
			abort();
		if (relocate_entry(disasm, object, &symbols[i], &proof, &relocation))
			continue;
		if (relocation.window_size < RT_PATCH_JUMP ||
			relocation.window_size > RT_PATCH_WINDOW_MAX ||
			relocation.code_size > RT_PATCH_CODE_MAX ||
			relocation.fix_count > RT_PATCH_FIXES_MAX)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct disasm *disasm;
	struct object object = {.module = "fuzz"};
	int fd = memfd_create("fuzz", 0);

	if (!disasm)
		disasm = disasm_new();
	if (!disasm || fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	object.elf = elf_open(fd);
	if (!object.elf)
		return 0;
	if (!elf_load(object.elf)) {
		frame_table_of(&object.frames, object.elf);
		analyse(disasm, &object);
	}
	elf_close(object.elf);
	return 0;
}
