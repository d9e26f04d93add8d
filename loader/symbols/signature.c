/* SPDX-License-Identifier: Apache-2.0 */
/* Reads parameter lists; whatever is not a plain number or an address counts as unknown. */
#include <string.h>

#include "loader/symbols/demangle.h"
#include "loader/symbols/signature.h"

#define GENERAL_MAX 4 /* registers: six, less `this` and the result's address */
#define VECTOR_MAX 8

enum place { IN_GENERAL, IN_VECTOR, ELSEWHERE };

static enum place place_of(const char *type, size_t size)
{
	static const char *const numbers[] = {"bool", "char", "signed char", "unsigned char",
		"short", "unsigned short", "int", "unsigned int", "long", "unsigned long",
		"long long", "unsigned long long", "wchar_t", "char8_t", "char16_t", "char32_t"};

	if (!size)
		return ELSEWHERE;
	/* A pointer or reference; also one to a function or an array, but not one to a member. */
	if (memmem(type, size, "::*", 3))
		return ELSEWHERE;
	if (type[size - 1] == '*' || type[size - 1] == '&' || memmem(type, size, "(*)", 3) ||
		memmem(type, size, "(&)", 3))
		return IN_GENERAL;
	if ((size == 5 && !memcmp(type, "float", 5)) || (size == 6 && !memcmp(type, "double", 6)))
		return IN_VECTOR;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strlen(numbers[i]) == size && !memcmp(type, numbers[i], size))
			return IN_GENERAL;
	}
	return ELSEWHERE;
}

static unsigned beyond(unsigned count, unsigned limit)
{
	return count > limit ? count - limit : 0;
}

int signature_stack_size(const char *name)
{
	const char *at = name + demangled_name_size(name), *type;
	unsigned counts[ELSEWHERE + 1] = {0}, depth = 0;

	if (*at++ != '(')
		return -1;
	if (*at == ')')
		return 0;
	for (type = at; *at; at++) {
		if (*at == '(' || *at == '<' || *at == '[' || *at == '{') {
			depth++;
		} else if (depth && (*at == ')' || *at == '>' || *at == ']' || *at == '}')) {
			depth--;
		} else if (!depth && (*at == ',' || *at == ')')) {
			counts[place_of(type, (size_t)(at - type))]++;
			if (*at == ')')
				break;
			type = at + 2; /* the space behind the comma */
		}
	}
	if (*at != ')' || counts[ELSEWHERE])
		return -1;
	return 8 *
		(int)(beyond(counts[IN_GENERAL], GENERAL_MAX) +
			beyond(counts[IN_VECTOR], VECTOR_MAX));
}
