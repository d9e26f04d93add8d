/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON. Commas and quoting are taken care of; bytes that are not UTF-8 become U+FFFD.
 *
 *   json_open(j, '{'); json_key(j, "name"); json_string(j, text); json_close(j, '}');
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

struct json {
	struct buf *out;
	bool pretty; /* indented, one value a line */
	unsigned depth;
	bool after_value; /* a comma is due */
	bool after_key;
};

void json_open(struct json *json, char bracket);
void json_close(struct json *json, char bracket);
void json_key(struct json *json, const char *key);

/* NULL gives null. */
void json_string(struct json *json, const char *text);
void json_int(struct json *json, int64_t value);
void json_double(struct json *json, double value);     /* null where it is not finite */
void json_number(struct json *json, const char *text); /* a number as it is to be written */
void json_bool(struct json *json, bool value);
void json_null(struct json *json);

/* A key and its value. */
void json_member_string(struct json *json, const char *key, const char *text);
void json_member_int(struct json *json, const char *key, int64_t value);
/* null where it is not known. */
void json_member_known(struct json *json, const char *key, bool known, int64_t value);
void json_member_double(struct json *json, const char *key, double value);
void json_member_bool(struct json *json, const char *key, bool value);
void json_member_null(struct json *json, const char *key);

#endif
