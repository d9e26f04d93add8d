/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code of one file as a stack walk needs it: names of functions by address, and how to get from
 * the registers in a function to those of its caller.
 */
#ifndef LOADER_SYMBOLS_CODE_H
#define LOADER_SYMBOLS_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf;
struct code;

/* NULL where there is no file that can be read as one. */
struct code *code_open(const char *path);
void code_close(struct code *code);

struct elf *code_elf(struct code *code);

struct code_registers {
	uint64_t ip, sp, bp;
};

/* The top of a stack: `size` bytes from address `at` on. */
struct code_stack {
	const uint8_t *bytes;
	size_t size;
	uint64_t at;
};

/*
 * To the caller's registers, from those in a function whose code stands at `address` in the file;
 * code NULL: in code of no file, which is expected to keep frame pointers. False where the stack
 * ends, or nothing sensible follows.
 */
bool code_step(struct code *code, uint64_t address, const struct code_stack *stack,
	struct code_registers *registers);

/* The function around that address, as people write it, and where it begins; "" where the file has
 * no name for it. Valid until code_close. */
const char *code_name(struct code *code, uint64_t address, uint64_t *start);

#endif
