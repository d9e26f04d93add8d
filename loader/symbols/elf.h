/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ELF file of the processor this was built for: its function symbols, its sections, its bytes
 * by address, and which symbol the dynamic linker puts into which slot. Files are read, never
 * mapped, so that one that is cut while we look gives errors and no signal. <gelf.h> lives here.
 */
#ifndef LOADER_SYMBOLS_ELF_H
#define LOADER_SYMBOLS_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf;

struct elf_symbol {
	const char *name; /* without its version */
	uint64_t address;
	uint64_t size;
	bool exported; /* other objects can bind to it */
	bool indirect; /* STT_GNU_IFUNC: the address is its resolver's */
};

/* Takes the descriptor, on failure too. NULL with errno set: ENOEXEC for what is no such file. */
struct elf *elf_open(int fd);
void elf_close(struct elf *elf);

/* Reads symbols and slots, once: for what follows up to elf_slot. 0 or -errno. */
int elf_load(struct elf *elf);

/* Functions defined in the file, .dynsym's and .symtab's, by address; exported ones come first
 * among those of one address. */
const struct elf_symbol *elf_symbols(const struct elf *elf, size_t *count);

/* The place among them of the first one that begins above `address`; their number where none does.
 */
size_t elf_symbol_above(const struct elf *elf, uint64_t address);

/* The symbol whose address the dynamic linker writes into the slot at `address`, or NULL. */
const char *elf_slot(const struct elf *elf, uint64_t address);

/* Looks an exported function up by name, without elf_load. */
bool elf_exported(struct elf *elf, const char *name, struct elf_symbol *symbol);

/* A variable that other objects can bind to. */
bool elf_variable(const struct elf *elf, const char *name, uint64_t *address);

/* Bytes that the file has for this address, at most `size` of them; 0 where it has none. */
size_t elf_read(const struct elf *elf, uint64_t address, void *bytes, size_t size);
/* Where in the file they stand; false where it has none. */
bool elf_offset(const struct elf *elf, uint64_t address, uint64_t *offset);
/* The address of what stands there in the file. */
bool elf_address(const struct elf *elf, uint64_t offset, uint64_t *address);
bool elf_executable(const struct elf *elf, uint64_t address);

/* A section's bytes, valid until elf_close, or NULL. */
const uint8_t *elf_section(
	const struct elf *elf, const char *name, uint64_t *address, size_t *size);

#endif
