/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON text in pieces in, scalars with their paths out (dialect.h: dialect_value). Memory is
 * bounded whatever the text: strings beyond DIALECT_TEXT are measured and hashed, not kept; depth
 * and path length have limits beyond which values are counted, not reported. yajl does the parsing.
 */
#ifndef PROTOCOLS_CONTENT_JSON_WALK_H
#define PROTOCOLS_CONTENT_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/dialect.h"

struct json_walk;

typedef void json_value_fn(void *context, const struct dialect_value *value);

struct json_walk *json_walk_new(struct exchange_host *host, json_value_fn *on_value, void *context);
void json_walk_free(struct json_walk *walk);

/* Ready for another text. */
void json_walk_reset(struct json_walk *walk);

/* 0, or -EINVAL once the text is no JSON: what came before has been reported. */
int json_walk_feed(struct json_walk *walk, const void *bytes, size_t size);

/* Bytes are missing: the rest of this text cannot be trusted, but its end may be: resynchronises.
 */
void json_walk_gap(struct json_walk *walk);

#endif
