/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/kernel/space.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/map.h"
#include "loader/symbols/code.h"
#include "loader/symbols/elf.h"

/* What is not there may have been mapped since: looked up again, but not more often. */
#define READ_EVERY 200000000ull
#define AREAS_MAX 16384

struct file {
	struct code *code;
	char *module;
};

struct area {
	uint64_t start, end, offset;
	struct file *file;
};

struct space {
	struct spaces *all;
	pid_t pid;
	struct area *areas; /* executable ones, by address */
	size_t count;
	uint64_t read_ns;
	unsigned generation;
};

struct spaces {
	struct map by_pid;
	struct map files; /* by device, inode, or by name where there is none: struct file * */
};

struct spaces *spaces_new(void)
{
	return calloc(1, sizeof(struct spaces));
}

static void free_space(struct space *space)
{
	if (space)
		free(space->areas);
	free(space);
}

void spaces_free(struct spaces *spaces)
{
	if (!spaces)
		return;
	for (size_t i = 0; i < spaces->by_pid.capacity; i++)
		if (spaces->by_pid.entries[i].used)
			free_space((void *)(uintptr_t)spaces->by_pid.entries[i].value);
	for (size_t i = 0; i < spaces->files.capacity; i++) {
		struct file *file = spaces->files.entries[i].used
			? (void *)(uintptr_t)spaces->files.entries[i].value
			: NULL;

		if (file)
			code_close(file->code);
		free(file ? file->module : NULL);
		free(file);
	}
	map_free(&spaces->by_pid);
	map_free(&spaces->files);
	free(spaces);
}

struct space *spaces_of(struct spaces *spaces, pid_t pid)
{
	uint64_t *place = map_at(&spaces->by_pid, (uint64_t)pid);
	struct space *space;

	if (!place)
		return NULL;
	if (*place)
		return (void *)(uintptr_t)*place;
	space = calloc(1, sizeof(*space));
	if (!space) {
		map_remove(&spaces->by_pid, (uint64_t)pid);
		return NULL;
	}
	space->all = spaces;
	space->pid = pid;
	*place = (uint64_t)(uintptr_t)space;
	return space;
}

void spaces_forget(struct spaces *spaces, pid_t pid)
{
	uint64_t *place = map_find(&spaces->by_pid, (uint64_t)pid);

	if (!place)
		return;
	free_space((void *)(uintptr_t)*place);
	map_remove(&spaces->by_pid, (uint64_t)pid);
}

/* Each file is opened once, however many processes run it. */
static struct file *file_of(struct space *space, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char inside[PATH_MAX + 32];
	struct stat info = {0};
	struct file *file;
	uint64_t *place, key;

	snprintf(inside, sizeof(inside), "/proc/%d/root%s", (int)space->pid, path);
	if (*path == '/' && !stat(inside, &info)) {
		key = info.st_ino ^ (uint64_t)info.st_dev << 40;
	} else {
		key = 14695981039346656037ull;
		for (const char *at = path; *at; at++)
			key = (key ^ (uint8_t)*at) * 1099511628211ull;
	}
	place = map_at(&space->all->files, key);
	if (!place)
		return NULL;
	if (*place)
		return (void *)(uintptr_t)*place;
	file = calloc(1, sizeof(*file));
	if (!file || !(file->module = strdup(base))) {
		free(file);
		map_remove(&space->all->files, key);
		return NULL;
	}
	file->code = S_ISREG(info.st_mode) ? code_open(inside) : NULL;
	*place = (uint64_t)(uintptr_t)file;
	return file;
}

static bool add_area(struct space *space, const struct area *area, size_t *capacity)
{
	if (space->count == *capacity) {
		size_t wanted = *capacity ? *capacity * 2 : 64;
		struct area *areas = wanted <= AREAS_MAX
			? reallocarray(space->areas, wanted, sizeof(*areas))
			: NULL;

		if (!areas)
			return false;
		space->areas = areas;
		*capacity = wanted;
	}
	space->areas[space->count++] = *area;
	return true;
}

static void read_areas(struct space *space, uint64_t now_ns)
{
	char line[PATH_MAX + 128], path[PATH_MAX], rights[8];
	size_t capacity = 0;
	FILE *maps;

	free(space->areas);
	space->areas = NULL;
	space->count = 0;
	space->read_ns = now_ns;
	space->generation++;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)space->pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		unsigned long long start, end, offset;
		struct area area;

		*path = '\0';
		if (sscanf(line, "%llx-%llx %7s %llx %*s %*s %4095[^\n]", &start, &end, rights,
			    &offset, path) < 4 ||
			rights[2] != 'x')
			continue;
		area = (struct area){start, end, offset, *path ? file_of(space, path) : NULL};
		if (!add_area(space, &area, &capacity))
			break;
	}
	if (maps)
		fclose(maps);
}

static const struct area *area_of(const struct space *space, uint64_t address)
{
	size_t low = 0, high = space->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct area *area = &space->areas[middle];

		if (address < area->start)
			high = middle;
		else if (address >= area->end)
			low = middle + 1;
		else
			return area;
	}
	return NULL;
}

static void fill_place(const struct area *area, uint64_t address, struct space_place *place)
{
	uint64_t in_file = address - area->start + area->offset;

	*place = (struct space_place){.module = area->file ? area->file->module : ""};
	if (!area->file || !area->file->code ||
		!elf_address(code_elf(area->file->code), in_file, &place->address))
		return;
	place->code = area->file->code;
	place->bias = address - place->address;
}

int space_find(struct space *space, uint64_t address, struct space_place *place, uint64_t now_ns)
{
	const struct area *area = area_of(space, address);

	if (!area && (!space->generation || now_ns - space->read_ns > READ_EVERY)) {
		read_areas(space, now_ns);
		area = area_of(space, address);
	}
	if (!area)
		return 0;
	fill_place(area, address, place);
	return 1;
}

void space_files(struct space *space, space_file_fn *found, void *context)
{
	for (size_t i = 0; i < space->count; i++) {
		struct space_place place;

		if (!space->areas[i].file)
			continue;
		fill_place(&space->areas[i], space->areas[i].start, &place);
		if (place.code && !found(context, &place))
			return;
	}
}

unsigned space_generation(const struct space *space)
{
	return space->generation;
}
