/* SPDX-License-Identifier: Apache-2.0 */
/* C++ names as people write them. */
#ifndef LOADER_SYMBOLS_DEMANGLE_H
#define LOADER_SYMBOLS_DEMANGLE_H

/* A string to free(); a copy of the symbol where it is no mangled name. NULL: out of memory. */
char *demangle(const char *symbol);

/* The length of a demangled function name without its parameter list and what follows that. */
unsigned demangled_name_size(const char *name);

#endif
