/* SPDX-License-Identifier: Apache-2.0 */
/* What a C++ function's demangled name says of its parameters. */
#ifndef LOADER_SYMBOLS_SIGNATURE_H
#define LOADER_SYMBOLS_SIGNATURE_H

#include <stdbool.h>

/*
 * True where all parameters go into registers for certain: few enough numbers, pointers and
 * references, with room for `this` and for the address of a result, which names do not tell.
 */
bool signature_in_registers(const char *name);

#endif
