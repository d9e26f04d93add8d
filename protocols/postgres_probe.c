/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/postgres_probe.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define STATEMENT_MOST (16u << 20)
#define LONGEST 96 /* of the first statement, enough to tell it by */

/* How statements begin, in capitals. */
static bool is_statement(const uint8_t *text, size_t size)
{
	static const char *const words[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN",
		"COMMIT", "ROLLBACK", "SET", "SHOW", "CREATE", "DROP", "ALTER", "COPY", "EXPLAIN",
		"VALUES", "DEALLOCATE", "DISCARD", "SAVEPOINT", "START", NULL};

	for (int i = 0; words[i]; i++) {
		size_t length = strlen(words[i]);

		if (size > length && !strncasecmp((const char *)text, words[i], length) &&
			!isalnum(text[length]))
			return true;
	}
	return false;
}

/*
 * A connection that is joined after its startup, as those of a pool: its client's next statement,
 * a query or a Parse, tells it. LONGEST is as long as a name and a word may be.
 */
static enum proto_verdict probe_joined(const uint8_t *bytes, size_t size)
{
	const uint8_t *text = bytes + 5, *end;
	uint32_t length;

	if (bytes[0] != 'Q' && bytes[0] != 'P')
		return PROTO_NOT_MINE;
	if (size < 5)
		return PROTO_NEED_MORE;
	length = postgres_be32(bytes + 1);
	if (length < 6 || length > STATEMENT_MOST)
		return PROTO_NOT_MINE;
	if (size > LONGEST)
		size = LONGEST;
	if (size < LONGEST && size < 1 + length)
		return PROTO_NEED_MORE;
	if (bytes[0] == 'P') {
		end = memchr(text, 0, size - 5);
		text = end ? end + 1 : bytes + size;
	}
	return is_statement(text, (size_t)(bytes + size - text)) ? PROTO_OK : PROTO_NOT_MINE;
}

enum proto_verdict postgres_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	uint32_t length, code;

	(void)way;
	if (bytes[0])
		return probe_joined(bytes, size);
	if (size < 8)
		return PROTO_NEED_MORE;
	length = postgres_be32(bytes);
	code = postgres_be32(bytes + 4);
	if (length < 8 || length > STARTUP_MOST)
		return PROTO_NOT_MINE;
	return code == CODE_STARTUP || ((code == CODE_SSL || code == CODE_GSS) && length == 8)
		? PROTO_OK
		: PROTO_NOT_MINE;
}
