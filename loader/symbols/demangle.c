/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Demangling by __cxa_demangle of libsupc++.a: one object file of it gets linked in, which needs
 * nothing but libc, and which every gcc and clang that can build C++ on this system brings along.
 * libstdc++.so would be a run-time dependency, and a demangler of our own some thousand lines.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/symbols/demangle.h"

/* Of the C++ ABI; declared in <cxxabi.h> for C++ alone. */
extern char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status);

/* Longer names take the demangler minutes and gigabytes. */
#define MANGLED_MAX 8192

char *demangle(const char *symbol)
{
	char *name = NULL;
	int status;

	if (symbol[0] == '_' && symbol[1] == 'Z' && strnlen(symbol, MANGLED_MAX) < MANGLED_MAX)
		name = __cxa_demangle(symbol, NULL, NULL, &status);
	return name ? name : strdup(symbol);
}

/* The parameter list is what the last parenthesis closes: "(anonymous namespace)::f(int) const". */
unsigned demangled_name_size(const char *name)
{
	unsigned size = (unsigned)strlen(name);
	unsigned depth = 0;
	unsigned at = size;

	while (at && name[at - 1] != ')')
		at--;
	while (at > 0) {
		char letter = name[--at];

		if (letter == ')') {
			depth++;
		} else if (letter == '(' && depth && --depth == 0) {
			return at ? at : size;
		}
	}
	return size;
}
