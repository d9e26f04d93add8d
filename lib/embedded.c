/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a linked-in file by its path in the source tree. */
#include "lib/embedded.h"

#include <stdlib.h>
#include <string.h>

const struct embedded *embedded_find(const char *path)
{
	for (const struct embedded *file = embedded_files; file->path; file++) {
		if (!strcmp(file->path, path))
			return file;
	}
	return NULL;
}

int embedded_schema_version(void)
{
	static const char pragma[] = "PRAGMA user_version = ";
	const struct embedded *schema = embedded_find("wire/schema.sql");
	const char *at = schema ? strstr(schema->text, pragma) : NULL;

	return at ? atoi(at + strlen(pragma)) : 0;
}
