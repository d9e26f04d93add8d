/* SPDX-License-Identifier: Apache-2.0 */
/* What a C++ function's demangled name says of its parameters. */
#ifndef LOADER_SYMBOLS_SIGNATURE_H
#define LOADER_SYMBOLS_SIGNATURE_H

/*
 * Bytes of stack arguments at most, -1 where that cannot be told: known for parameters that are
 * numbers, pointers and references. Names tell of no `this` and of no address of a result: both are
 * allowed for.
 */
int signature_stack_size(const char *name);

#endif
