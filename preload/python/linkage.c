/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/linkage.h"
#include "preload/patch/slots.h"

#include <sys/mman.h>

#pragma weak dl_iterate_phdr

#define PAGE 4096ul

struct redirect {
	const char *name;
	uintptr_t original, hook;
	bool back;	    /* from the hook to the original */
	bool leave;	    /* this object has one of the two */
	unsigned at, known; /* objects so far; the first ones that need no look */
};

static __u64 looked;   /* loaded_ever() then */
static unsigned known; /* objects then: others come behind them */
static __u64 unloaded; /* unless one of them goes */

static void segment_read(
	struct loaded *object, const ElfW(Phdr) * segment, struct redirect *redirect)
{
	uintptr_t start = object->base + segment->p_vaddr, end = start + segment->p_memsz;

	if (segment->p_type == PT_DYNAMIC)
		object->dynamic = (const ElfW(Dyn) *)start;
	if (segment->p_type == PT_GNU_RELRO) {
		object->relro = start & -PAGE;
		object->relro_end = end & -PAGE;
	}
	if (segment->p_type == PT_LOAD)
		redirect->leave |= (redirect->original >= start && redirect->original < end) ||
			(redirect->hook >= start && redirect->hook < end);
}

static void slot_write(const struct loaded *object, uintptr_t *slot, uintptr_t value)
{
	bool sealed = (uintptr_t)slot >= object->relro && (uintptr_t)slot < object->relro_end;
	size_t size = object->relro_end - object->relro;

	if (sealed && raw3(mprotect, object->relro, size, PROT_READ | PROT_WRITE))
		return;
	__atomic_store_n(slot, value, __ATOMIC_RELEASE);
	if (sealed)
		raw3(mprotect, object->relro, size, PROT_READ);
}

static void slots_redirect(const struct loaded *object, const struct slots *slots,
	const ElfW(Rela) * relas, size_t count, const struct redirect *redirect)
{
	uintptr_t value = redirect->back ? redirect->original : redirect->hook;

	for (size_t i = 0; relas && i < count; i++) {
		uintptr_t *slot = (uintptr_t *)(object->base + relas[i].r_offset);
		unsigned type = ELF64_R_TYPE(relas[i].r_info);

		if ((type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT) &&
			text_equal(slots_name(slots, &relas[i]), redirect->name) &&
			(!redirect->back || *slot == redirect->hook))
			slot_write(object, slot, value);
	}
}

static int object_redirect(struct dl_phdr_info *info, size_t size, void *context)
{
	struct loaded object = {.base = info->dlpi_addr};
	struct redirect *redirect = context;
	struct slots slots;

	(void)size;
	if (!redirect->at && unloaded != info->dlpi_subs) {
		unloaded = info->dlpi_subs;
		redirect->known = 0;
	}
	if (redirect->at++ < redirect->known)
		return 0;
	redirect->leave = false;
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		segment_read(&object, &info->dlpi_phdr[i], redirect);
	if (redirect->leave || !object.dynamic || !slots_find(&object, &slots))
		return 0;
	slots_redirect(&object, &slots, slots.jumps, slots.jump_count, redirect);
	slots_redirect(&object, &slots, slots.others, slots.other_count, redirect);
	return 0;
}

void linkage_redirect(const char *name, const void *original, const void *hook)
{
	struct redirect redirect = {
		.name = name,
		.original = (uintptr_t)original,
		.hook = (uintptr_t)hook,
		.known = known,
	};
	__u64 now = loaded_ever();

	if (!dl_iterate_phdr || !original || now == looked)
		return;
	looked = now;
	dl_iterate_phdr(object_redirect, &redirect);
	known = redirect.at;
}

void linkage_return(const char *name, const void *original, const void *hook)
{
	struct redirect redirect = {.name = name,
		.original = (uintptr_t)original,
		.hook = (uintptr_t)hook,
		.back = true};

	if (looked)
		dl_iterate_phdr(object_redirect, &redirect);
	looked = 0;
	known = 0;
}
