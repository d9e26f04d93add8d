/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls work on: files, connections, locks, hosts. Things with a name are one object a process
 * and name, however often they are opened; connections are one object each. Their number is
 * bounded: what comes after that shares one object a process and kind, named "(other)".
 */
#ifndef DECODER_OBJTAB_H
#define DECODER_OBJTAB_H

#include <stddef.h>
#include <stdint.h>

struct objtab;

/* Numbers start at 1; 0: no object. Never OBJECT_CLOSED. */
#define OBJECTS_MAX (1u << 18)

struct object {
	uint64_t opened; /* ticks; 0: unknown */
	uint64_t closed;
	uint64_t address; /* of a lock */
	uint32_t process; /* as in the stream */
	uint32_t name;	  /* for objtab_text; 0: none */
	uint32_t local;
	int32_t fd; /* -1: none */
	uint8_t kind;
};

struct objtab *objtab_new(void);
void objtab_free(struct objtab *objects);

/* The object of this name, made where it is new. NULL text: nameless, one a kind. */
uint32_t objtab_named(
	struct objtab *objects, uint32_t process, uint8_t kind, const char *text, size_t size);
uint32_t objtab_lock(struct objtab *objects, uint32_t process, uint64_t address);

/* One more object, nameless so far. */
uint32_t objtab_add(struct objtab *objects, uint32_t process, uint8_t kind, int32_t fd);

/* What stands for all objects of a kind that have no room of their own. */
uint32_t objtab_other(struct objtab *objects, uint32_t process, uint8_t kind);

struct object *objtab_get(struct objtab *objects, uint32_t number);
uint32_t objtab_intern(struct objtab *objects, const char *text, size_t size);
const char *objtab_text(const struct objtab *objects, uint32_t text);
uint32_t objtab_count(const struct objtab *objects);

#endif
