/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What PostgreSQL's extended protocol calls by name: prepared statements and portals. A name that
 * has been forgotten, or was never seen, is unknown: it never stands for another one.
 */
#ifndef PROTOCOLS_POSTGRES_NAMES_H
#define PROTOCOLS_POSTGRES_NAMES_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/cursor.h"
#include "protocols/content/sql.h"

#define POSTGRES_STATEMENTS 128 /* the oldest make room */
#define POSTGRES_PORTALS 16

struct postgres_statement {
	uint64_t name;	 /* hash of its name, and 1; 0: vacant */
	uint64_t serial; /* of its Parse */
	struct sql_facts facts;
	struct buf text; /* word for word, where content is wanted */
};

struct postgres_portal {
	uint64_t name;
	struct postgres_statement *statement;
	uint64_t serial; /* the statement's, at Bind */
	int64_t limit;	 /* the number bound to its LIMIT; -1: none */
	struct buf bind; /* the formats and parameters, where content is wanted */
};

struct postgres_names {
	struct exchange_host *host;
	struct postgres_statement statements[POSTGRES_STATEMENTS];
	struct postgres_portal portals[POSTGRES_PORTALS];
	uint64_t serial;
	unsigned next_portal;
};

/* What was said is wiped. */
void postgres_names_free(struct postgres_names *names);

/* The bodies of Parse, Bind, Close. */
void postgres_parse(struct postgres_names *names, struct cursor *cursor);
void postgres_bind(struct postgres_names *names, struct cursor *cursor);
void postgres_close_name(struct postgres_names *names, struct cursor *cursor);

/* Says what the body of an Execute executes; a number that is equal for equal statements, or 0. */
uint64_t postgres_execute(
	const struct postgres_names *names, struct cursor *cursor, struct exchange *exchange);

/*
 * Says the statement that the body of an Execute executes, unless it is one more of those that the
 * exchange stands for, and its values; where content is wanted.
 */
void postgres_say(const struct postgres_names *names, struct cursor cursor,
	struct exchange *exchange, bool is_first);

/* The bytes up to a NUL, which is taken too. */
const char *postgres_text(struct cursor *cursor, size_t *size);

#endif
