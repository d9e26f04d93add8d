/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which function a slot stands for is told by its name, and that it led to libc's by its value; of
 * the TLS libraries there may be several, and the hook finds the one that its caller means by
 * itself. Slots are read and written under the dynamic linker's lock; what is asked of it is asked
 * before.
 */
#include "preload/patch/adopt.h"
#include "preload/hooks/hook.h"
#include "preload/patch/exports.h"
#include "preload/patch/got.h"
#include "preload/patch/slots.h"

#include <dlfcn.h>
#include <sys/mman.h>

#pragma weak dl_iterate_phdr
#pragma weak dlsym
#pragma weak dlerror

#define SLOTS_MAX 65536
#define OBJECTS_MAX 4096
#define HOOKS_MAX 512

struct adopted_slot {
	uintptr_t base; /* of its object */
	uintptr_t *slot;
	uintptr_t hook, original;
};

struct own_hook {
	uintptr_t hook;
	uintptr_t original; /* 0: each caller may have its own */
};

static struct tables {
	unsigned slot_count, object_count, hook_count;
	struct adopted_slot slots[SLOTS_MAX];
	struct {
		uintptr_t base;
		const void *dynamic;
	} objects[OBJECTS_MAX];
	struct own_hook hooks[HOOKS_MAX];
} * tables;

static struct exports own;
static uintptr_t own_base;
static bool came_late;

static bool tables_make(void)
{
	long at;

	if (tables)
		return true;
	at = raw6(mmap, 0, sizeof(*tables), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at < 0 && at > -4096)
		return false;
	tables = (struct tables *)at;
	return true;
}

static int find_own(struct dl_phdr_info *info, size_t size, void *context)
{
	struct loaded *object = context;

	(void)size;
	loaded_read(object, info);
	return (uintptr_t)find_own >= object->low && (uintptr_t)find_own < object->high;
}

/* How many symbols an object has: DT_HASH counts them. */
static size_t symbols_of(const struct loaded *object)
{
	for (const ElfW(Dyn) *entry = object->dynamic; entry && entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == DT_HASH)
			return ((const __u32 *)loaded_dynamic(object, entry->d_un.d_ptr))[1];
	return 0;
}

static bool is_hook(const ElfW(Sym) * symbol, const char *name)
{
	return symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
		ELF64_ST_BIND(symbol->st_info) == STB_GLOBAL && !text_after(name, "ragtime_");
}

/* Our hooks by name: what we export. Their originals are those that everybody sees. */
static bool hooks_find(void)
{
	struct loaded object;
	size_t count;

	if (tables->hook_count)
		return true;
	if (!dl_iterate_phdr(find_own, &object) || !exports_find(&own, &object))
		return false;
	own_base = object.base;
	count = symbols_of(&object);
	for (size_t i = 0; i < count && tables->hook_count < HOOKS_MAX; i++) {
		const char *name = own.strings + own.symbols[i].st_name;

		if (is_hook(&own.symbols[i], name))
			tables->hooks[tables->hook_count++] = (struct own_hook){

				.hook = own_base + own.symbols[i].st_value,
				.original = (uintptr_t)dlsym(RTLD_DEFAULT, name),
			};
	}
	if (dlerror)
		dlerror();
	return tables->hook_count != 0;
}

static bool is_shared(const char *name)
{
	return !text_after(name, "SSL_") && !text_after(name, "gnutls_");
}

static const struct own_hook *hook_of(const char *name)
{
	const ElfW(Sym) *symbol = exports_get(&own, name);

	if (!symbol)
		return NULL;
	for (unsigned i = 0; i < tables->hook_count; i++)
		if (tables->hooks[i].hook == own_base + symbol->st_value)
			return &tables->hooks[i];
	return NULL;
}

static void adopt_slot(
	const struct loaded *object, const struct slots *slots, const ElfW(Rela) * rela, bool *open)
{
	uintptr_t at = object->base + rela->r_offset, *slot = (uintptr_t *)at, value;
	const char *name = slots_name(slots, rela);
	const struct own_hook *hook = hook_of(name);
	bool bound;

	if (!hook || tables->slot_count == SLOTS_MAX)
		return;
	value = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	bound = value < object->low || value >= object->high;
	/* somebody's own function of that name, or another tool's hook, stays */
	if (value == hook->hook || (bound && is_shared(name) && value != hook->original) ||
		(!bound && (!hook->original || ELF64_R_TYPE(rela->r_info) != R_X86_64_JUMP_SLOT)))
		return;
	if (!*open && at >= object->relro && at < object->relro_end) {
		*open = got_open(object, true);
		if (!*open)
			return;
	}
	if (!__atomic_compare_exchange_n(
		    slot, &value, hook->hook, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		return;
	tables->slots[tables->slot_count++] = (struct adopted_slot){
		.base = object->base, .slot = slot, .hook = hook->hook, .original = value};
}

static void adopt_slots(const struct loaded *object, const struct slots *slots,
	const ElfW(Rela) * relas, size_t count, bool *open)
{
	for (size_t i = 0; i < count; i++) {
		unsigned type = ELF64_R_TYPE(relas[i].r_info);

		if (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT)
			adopt_slot(object, slots, &relas[i], open);
	}
}

static bool is_known(const struct loaded *object)
{
	for (unsigned i = 0; i < tables->object_count; i++)
		if (tables->objects[i].base == object->base &&
			tables->objects[i].dynamic == object->dynamic)
			return true;
	if (tables->object_count < OBJECTS_MAX) {
		tables->objects[tables->object_count].base = object->base;
		tables->objects[tables->object_count++].dynamic = object->dynamic;
	}
	return false;
}

static int adopt_object(struct dl_phdr_info *info, size_t size, void *context)
{
	struct loaded object;
	struct slots slots;
	bool open = false;

	(void)size;
	(void)context;
	loaded_read(&object, info);
	if (is_known(&object) || got_is_left_alone(&object) || !slots_find(&object, &slots))
		return 0;
	adopt_slots(&object, &slots, slots.jumps, slots.jumps ? slots.jump_count : 0, &open);
	adopt_slots(&object, &slots, slots.others, slots.others ? slots.other_count : 0, &open);
	if (open)
		got_open(&object, false);
	return 0;
}

bool adopt_objects(void)
{
	if (!dl_iterate_phdr || !dlsym || !tables_make() || !hooks_find())
		return false;
	came_late = true;
	dl_iterate_phdr(adopt_object, NULL);
	return true;
}

void adopt_loaded(void)
{
	if (came_late && !region_off())
		dl_iterate_phdr(adopt_object, NULL);
}

static int return_object(struct dl_phdr_info *info, size_t size, void *context)
{
	struct loaded object;
	bool open = false;

	(void)size;
	(void)context;
	loaded_read(&object, info);
	for (unsigned i = 0; i < tables->slot_count; i++) {
		const struct adopted_slot *adopted = &tables->slots[i];
		uintptr_t slot = (uintptr_t)adopted->slot, hook = adopted->hook;

		if (adopted->base != object.base || slot < object.low || slot >= object.high)
			continue;
		if (!open && slot >= object.relro && slot < object.relro_end)
			open = got_open(&object, true);
		if (slot >= object.relro && slot < object.relro_end && !open)
			continue;
		__atomic_compare_exchange_n(adopted->slot, &hook, adopted->original, false,
			__ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
	if (open)
		got_open(&object, false);
	return 0;
}

void adopt_return(void)
{
	if (!tables || !dl_iterate_phdr)
		return;
	came_late = false;
	dl_iterate_phdr(return_object, NULL);
	tables->slot_count = tables->object_count = 0;
}
