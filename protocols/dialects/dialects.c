/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of dialects.def: who claims a request. */
#include "protocols/dialect.h"

static const struct dialect *const dialects[] = {
#define DIALECT(name) &dialect_##name,
#include "protocols/dialects/dialects.def"
#undef DIALECT
	NULL,
};

static const struct dialect *find(const struct http_head *head, bool is_socket)
{
	for (const struct dialect *const *dialect = dialects; *dialect; dialect++) {
		if (((*dialect)->socket != NULL) == is_socket && (*dialect)->claims(head))
			return *dialect;
	}
	return NULL;
}

const struct dialect *dialect_for(const struct http_head *head)
{
	return find(head, false);
}

const struct dialect *dialect_for_socket(const struct http_head *head)
{
	return find(head, true);
}
