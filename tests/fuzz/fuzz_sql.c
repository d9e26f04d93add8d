/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a statement, and as a literal in one: that literal must never be seen. */
#include <stdlib.h>
#include <string.h>

#include "protocols/content/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char before[] = "SELECT '", behind[] = "' FROM t";
	char *text = malloc(size * 2 + sizeof(before) + sizeof(behind));
	struct sql_facts facts;
	size_t used = sizeof(before) - 1;

	for (int dialect = SQL_POSTGRES; dialect <= SQL_MYSQL_PLAIN; dialect++) {
		sql_read(&facts, (enum sql_dialect)dialect, (const char *)data, size);
		if (strnlen(facts.text, SQL_TEXT) == SQL_TEXT)
			abort();
	}
	memcpy(text, before, used);
	for (size_t i = 0; i < size; i++) {
		text[used++] = (char)data[i];
		if (data[i] == '\'' || data[i] == '\\')
			text[used++] = (char)data[i];
	}
	memcpy(text + used, behind, sizeof(behind));
	sql_read(&facts, SQL_MYSQL, text, used + sizeof(behind) - 1);
	if (strcmp(facts.text, "SELECT ? FROM t") != 0)
		abort();
	sql_read(&facts, SQL_POSTGRES, text, used + sizeof(behind) - 1);
	if (strcmp(facts.text, "SELECT ? FROM t") != 0 && strcmp(facts.text, "SELECT ?") != 0)
		abort();
	free(text);
	return 0;
}
