/* SPDX-License-Identifier: Apache-2.0 */
/* A statement without its literals, and what can be told from it. */
#ifndef PROTOCOLS_CONTENT_SQL_H
#define PROTOCOLS_CONTENT_SQL_H

#include <stddef.h>
#include <stdint.h>

#include "protocols/exchange.h"

#define SQL_TEXT 480

enum sql_dialect {
	SQL_POSTGRES,
	SQL_MYSQL,
	SQL_MYSQL_PLAIN, /* where a backslash escapes nothing */
};

struct sql_facts {
	char text[SQL_TEXT];	  /* literals are ?, white space is one blank, comments are gone */
	char operation[16];	  /* SELECT, INSERT, ... upper case; "": no statement known here */
	char table[64];		  /* the first one named, without its schema */
	char vector_operator[24]; /* <-> <=> <#> <+> <~> <%>, or a distance function; "" */
	int64_t limit;		  /* -1: none, or not a number */
	int limit_parameter;	  /* LIMIT $3: 3; 0: none */
};

void sql_read(struct sql_facts *facts, enum sql_dialect dialect, const char *text, size_t size);

/* Class, name and facts of a database exchange. */
void sql_put(struct exchange *exchange, const struct sql_facts *facts);

#endif
