/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/objtab.h"

#include <stdlib.h>
#include <string.h>

#include "lib/map.h"
#include "lib/strtab.h"
#include "wire/event.h"

#define KINDS 16

struct objtab {
	struct object *objects;
	uint32_t count; /* number 0 is nobody */
	uint32_t capacity;
	struct strtab *texts;
	struct strtab *locks;	 /* of process and address, together */
	struct map named[KINDS]; /* process << 32 | text */
};

struct objtab *objtab_new(void)
{
	struct objtab *objects = calloc(1, sizeof(*objects));

	if (!objects)
		return NULL;
	objects->count = 1;
	objects->capacity = 256;
	objects->objects = calloc(objects->capacity, sizeof(*objects->objects));
	objects->texts = strtab_new();
	objects->locks = strtab_new();
	if (!objects->objects || !objects->texts || !objects->locks) {
		objtab_free(objects);
		return NULL;
	}
	return objects;
}

void objtab_free(struct objtab *objects)
{
	if (!objects)
		return;
	for (int kind = 0; kind < KINDS; kind++)
		map_free(&objects->named[kind]);
	strtab_free(objects->texts);
	strtab_free(objects->locks);
	free(objects->objects);
	free(objects);
}

static uint32_t make(struct objtab *objects, uint32_t process, uint8_t kind, int32_t fd)
{
	if (objects->count == objects->capacity) {
		struct object *more = realloc(
			objects->objects, objects->capacity * 2 * sizeof(*objects->objects));

		if (!more)
			return 0;
		objects->objects = more;
		objects->capacity *= 2;
	}
	objects->objects[objects->count] =
		(struct object){.process = process, .kind = kind, .fd = fd};
	return objects->count++;
}

static uint32_t named(
	struct objtab *objects, struct map *map, uint32_t process, uint8_t kind, uint32_t text)
{
	uint64_t key = (uint64_t)process << 32 | text;
	uint64_t *place = map_find(map, key);
	uint32_t number;

	if (place)
		return (uint32_t)*place;
	if (text && objects->count >= OBJECTS_MAX)
		return objtab_other(objects, process, kind);
	number = make(objects, process, kind, -1);
	place = number ? map_at(map, key) : NULL;
	if (place)
		*place = number;
	return number;
}

uint32_t objtab_named(
	struct objtab *objects, uint32_t process, uint8_t kind, const char *text, size_t size)
{
	uint32_t name = 0, number;

	if (text && size) {
		if (objects->count >= OBJECTS_MAX)
			return objtab_other(objects, process, kind);
		name = strtab_add(objects->texts, text, size);
	}
	number = named(objects, &objects->named[kind % KINDS], process, kind, name);
	if (name && number && !objects->objects[number].name)
		objects->objects[number].name = name;
	return number;
}

uint32_t objtab_lock(struct objtab *objects, uint32_t process, uint64_t address)
{
	struct {
		uint64_t address, process;
	} key = {address, process};
	uint32_t text, number;

	if (objects->count >= OBJECTS_MAX)
		return objtab_other(objects, process, RT_OBJECT_lock);
	text = strtab_add(objects->locks, &key, sizeof(key));
	number = named(objects, &objects->named[RT_OBJECT_lock], process, RT_OBJECT_lock, text);
	objects->objects[number].address = address;
	return number;
}

uint32_t objtab_add(struct objtab *objects, uint32_t process, uint8_t kind, int32_t fd)
{
	if (objects->count >= OBJECTS_MAX)
		return objtab_other(objects, process, kind);
	return make(objects, process, kind, fd);
}

uint32_t objtab_other(struct objtab *objects, uint32_t process, uint8_t kind)
{
	uint32_t number = named(objects, &objects->named[kind % KINDS], process, kind, 0);

	if (number && !objects->objects[number].name)
		objects->objects[number].name = strtab_adds(objects->texts, "(other)");
	return number;
}

struct object *objtab_get(struct objtab *objects, uint32_t number)
{
	return &objects->objects[number < objects->count ? number : 0];
}

uint32_t objtab_intern(struct objtab *objects, const char *text, size_t size)
{
	return strtab_add(objects->texts, text, size);
}

const char *objtab_text(const struct objtab *objects, uint32_t text)
{
	return strtab_get(objects->texts, text);
}

uint32_t objtab_count(const struct objtab *objects)
{
	return objects->count - 1;
}
