/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks protobuf messages of any size in pieces, without their schema. Each field is one value with
 * the numbers of the fields around it as its path: "1.3.2". A field of bytes comes as a string; as
 * it may be a message too, its own fields follow where it reads like one. Of a top-level field only
 * the first PROTOBUF_KEPT bytes are looked into.
 */
#ifndef PROTOCOLS_CONTENT_PROTOBUF_WALK_H
#define PROTOCOLS_CONTENT_PROTOBUF_WALK_H

#include "protocols/dialect.h"

#define PROTOBUF_KEPT 65536
#define PROTOBUF_DEPTH 6

typedef void protobuf_value_fn(void *context, const struct dialect_value *value);

struct protobuf_walk {
	protobuf_value_fn *value;
	void *context;
	uint8_t part; /* enum in protobuf_walk.c */
	uint8_t shift, wire;
	uint32_t field;
	uint64_t number;
	uint64_t left; /* bytes of the field */
	uint64_t whole;
	size_t kept, room;
	uint8_t *bytes; /* the field's beginning */
	char path[PROTOBUF_DEPTH * 11];
};

/* Zeroed before the first start; a start begins the next message. */
void protobuf_walk_start(struct protobuf_walk *walk, protobuf_value_fn *value, void *context);
void protobuf_walk_feed(struct protobuf_walk *walk, const uint8_t *bytes, size_t size);

void protobuf_walk_free(struct protobuf_walk *walk);

#endif
