/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a linked-in file by its path in the source tree. */
#include "lib/embedded.h"

#include <string.h>

const struct embedded *embedded_find(const char *path)
{
	for (const struct embedded *file = embedded_files; file->path; file++) {
		if (!strcmp(file->path, path))
			return file;
	}
	return NULL;
}
