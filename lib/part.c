/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/part.h"

#include <stdio.h>
#include <string.h>

#define SUFFIX ".rtrace"

char *part_path(const char *path, uint32_t part)
{
	int length = (int)strlen(path), tail = sizeof(SUFFIX) - 1;
	const char *suffix = "";
	char *name;

	if (length > tail && !strcmp(path + length - tail, SUFFIX)) {
		suffix = SUFFIX;
		length -= tail;
	}
	if (!part)
		return strdup(path);
	return asprintf(&name, "%.*s.%u%s", length, path, part, suffix) < 0 ? NULL : name;
}
