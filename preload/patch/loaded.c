/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the dynamic linker's list. It holds its lock meanwhile: nothing is asked of it in there. */
#include "preload/patch/loaded.h"

#include <sys/mman.h>

#pragma weak dl_iterate_phdr

#define PAGE 4096ul
#define JUMP 0xe9

struct loaded *loaded_objects;
unsigned loaded_count;

static struct loaded *objects_before;
static unsigned count_before;

struct update {
	bool exposed;
	bool any;
};

static bool tables_make(void)
{
	size_t size = LOADED_MAX * sizeof(struct loaded);
	long at;

	if (loaded_objects)
		return true;
	at = raw6(mmap, 0, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at < 0 && at > -4096)
		return false;
	loaded_objects = (struct loaded *)at;
	objects_before = loaded_objects + LOADED_MAX;
	return true;
}

static void read_segment(struct loaded *object, const ElfW(Phdr) * segment)
{
	uintptr_t start = object->base + segment->p_vaddr, end = start + segment->p_memsz;

	switch (segment->p_type) {
	case PT_LOAD:
		if (!object->high || start < object->low)
			object->low = start & -PAGE;
		if (end > object->high)
			object->high = end;
		if (segment->p_flags & PF_X && end - start > object->text_end - object->text) {
			object->text = start & -PAGE;
			object->text_end = (end + PAGE - 1) & -PAGE;
		}
		break;
	case PT_DYNAMIC:
		object->dynamic = (const ElfW(Dyn) *)start;
		break;
	case PT_GNU_RELRO:
		object->relro = start & -PAGE;
		object->relro_end = end & -PAGE;
		break;
	default:
		break;
	}
}

/* Another library may lie where one was unloaded: its code is not ours then, or no more. */
static bool is_same(const struct loaded *before, const struct loaded *object)
{
	return before->base == object->base && before->dynamic == object->dynamic &&
		before->path == object->path && before->high == object->high &&
		(!before->jump || *before->jump == JUMP);
}

void loaded_read(struct loaded *object, const struct dl_phdr_info *info)
{
	*object = (struct loaded){
		.base = info->dlpi_addr, .path = info->dlpi_name ? info->dlpi_name : ""};
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		read_segment(object, &info->dlpi_phdr[i]);
}

static int read_object(struct dl_phdr_info *info, size_t size, void *context)
{
	struct update *update = context;
	struct loaded *object = &loaded_objects[loaded_count];

	(void)size;
	if (loaded_count == LOADED_MAX)
		return 1;
	loaded_read(object, info);
	object->fresh = true;
	object->exposed = update->exposed;
	for (unsigned i = 0; i < count_before; i++)
		if (is_same(&objects_before[i], object))
			*object = objects_before[i];
	update->any |= object->fresh;
	loaded_count++;
	return 0;
}

bool loaded_update(bool exposed)
{
	struct update update = {.exposed = exposed};
	struct loaded *table;

	if (!dl_iterate_phdr || !tables_make())
		return false;
	table = objects_before;
	objects_before = loaded_objects;
	loaded_objects = table;
	count_before = loaded_count;
	loaded_count = 0;
	dl_iterate_phdr(read_object, &update);
	return update.any;
}

/* The first of the list. */
static int read_program(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	loaded_read(context, info);
	return 1;
}

bool loaded_program(struct loaded *program)
{
	return dl_iterate_phdr && dl_iterate_phdr(read_program, program);
}

static int read_ever(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	*(__u64 *)context = info->dlpi_adds;
	return 1;
}

__u64 loaded_ever(void)
{
	__u64 ever = 0;

	if (dl_iterate_phdr)
		dl_iterate_phdr(read_ever, &ever);
	return ever;
}
