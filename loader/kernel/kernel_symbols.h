/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the kernel's functions, read when the first is asked for. */
#ifndef LOADER_KERNEL_KERNEL_SYMBOLS_H
#define LOADER_KERNEL_KERNEL_SYMBOLS_H

#include <stdint.h>

struct kernel_symbols;

struct kernel_symbols *kernel_symbols_new(void);
void kernel_symbols_free(struct kernel_symbols *symbols);

/* "" where the kernel does not tell. */
const char *kernel_symbols_name(struct kernel_symbols *symbols, uint64_t address);

#endif
