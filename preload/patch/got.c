/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots are read and written under the dynamic linker's lock, so that no object goes meanwhile.
 * Between, without it, slots that are not bound yet are resolved as the dynamic linker would:
 * first in the global scope, then in the object's own.
 */
#include "preload/hooks/hook.h"
#include "preload/patch/got.h"
#include "preload/patch/slots.h"
#include "preload/patch/thunk.h"

#include <dlfcn.h>
#include <sys/mman.h>

#pragma weak dl_iterate_phdr
#pragma weak dlsym
#pragma weak dlerror

#define FUNCTIONS_MAX 4096
#define BUCKETS 4096
#define NAMES_SIZE (512 << 10)
#define MATCHES_MAX 16384

struct got_function {
	uintptr_t address;
	uintptr_t low, high; /* of its object */
	const char *symbol;
	__u32 hash, next; /* index + 1 */
	struct thunk_plan plan;
	__u16 flags;
	const struct thunk *thunk; /* the newest; its original may be another slot's no more */
};

struct match {
	uintptr_t base; /* of the slot's object */
	uintptr_t *slot;
	uintptr_t value; /* what the slot held; 0: not bound yet */
	uintptr_t original;
	const char *path;
	struct got_function *function;
	const struct thunk *thunk;
};

struct got {
	unsigned count, names_used, match_count;
	__u32 buckets[BUCKETS];
	struct got_function functions[FUNCTIONS_MAX];
	struct match matches[MATCHES_MAX];
	char names[NAMES_SIZE];
};

static struct got *got;

static __u32 hash_of(const char *name, size_t size)
{
	__u32 hash = 2166136261u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (__u8)name[i]) * 16777619u;
	return hash;
}

static bool got_make(void)
{
	long at;

	if (got)
		return true;
	at = raw6(mmap, 0, sizeof(*got), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at < 0 && at > -4096)
		return false;
	got = (struct got *)at;
	return true;
}

__u32 got_add(const struct wanted *wanted, const struct loaded *object)
{
	const struct rt_patch *patch = wanted->patch;
	struct got_function *function;
	char *symbol;

	if (!got_make())
		return RT_OUTCOME_MEMORY;
	if (got->count == FUNCTIONS_MAX || NAMES_SIZE - got->names_used <= patch->symbol_size)
		return RT_OUTCOME_FULL;
	symbol = got->names + got->names_used;
	memcpy(symbol, wanted->symbol, patch->symbol_size);
	got->names_used += patch->symbol_size + 1;
	function = &got->functions[got->count++];
	*function = (struct got_function){
		.address = wanted->address,
		.low = object->low,
		.high = object->high,
		.symbol = symbol,
		.hash = hash_of(symbol, patch->symbol_size),
		.plan = {.kind = patch->kind,
			.stack_size = patch->stack_size,
			.entries_only = patch->flags & RT_PATCH_ENTRIES,
			.capture = patch->capture},
		.flags = patch->flags,
	};
	function->next = got->buckets[function->hash % BUCKETS];
	got->buckets[function->hash % BUCKETS] = got->count;
	return RT_OUTCOME_GOT;
}

/* Does `value`, found or to be found in a slot, lead to the function? */
static bool leads_to(const struct got_function *function, uintptr_t value)
{
	if (function->flags & RT_PATCH_INDIRECT)
		return value >= function->low && value < function->high;
	return value == function->address;
}

static void match_slot(const struct loaded *object, const struct slots *slots,
	const ElfW(Rela) * rela, unsigned type)
{
	uintptr_t *slot = (uintptr_t *)(object->base + rela->r_offset), value;
	const char *name = slots_name(slots, rela);
	__u32 hash = hash_of(name, text_length(name));
	bool bound;

	value = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	/* What is not bound yet leads back into its own object's linkage table. */
	bound = type != R_X86_64_JUMP_SLOT || value < object->low || value >= object->high;
	for (__u32 at = got->buckets[hash % BUCKETS]; at; at = got->functions[at - 1].next) {
		struct got_function *function = &got->functions[at - 1];

		if (function->hash != hash || !text_equal(function->symbol, name))
			continue;
		if (leads_to(function, value))
			bound = true;
		else if (bound)
			continue;
		if (got->match_count < MATCHES_MAX)
			got->matches[got->match_count++] = (struct match){
				.base = object->base,
				.slot = slot,
				.value = value,
				.original = bound ? value : 0,
				.path = object->path,
				.function = function,
			};
		if (bound)
			return;
	}
}

static void match_slots(const struct loaded *object, const struct slots *slots,
	const ElfW(Rela) * relas, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned type = ELF64_R_TYPE(relas[i].r_info);

		if (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT)
			match_slot(object, slots, &relas[i], type);
	}
}

bool got_is_left_alone(const struct loaded *object)
{
	const char *name = object->path;

	if ((uintptr_t)got_walk >= object->low && (uintptr_t)got_walk < object->high)
		return true;
	for (const char *at = name; at && *at; at++)
		if (*at == '/')
			name = at + 1;
	return name && (text_after(name, "ld-linux") || text_after(name, "ld-musl"));
}

static int read_slots(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	for (unsigned i = 0; i < loaded_count; i++) {
		const struct loaded *object = &loaded_objects[i];
		struct slots slots;

		if (object->base != info->dlpi_addr || object->path != info->dlpi_name)
			continue;
		if (got_is_left_alone(object) || !slots_find(object, &slots))
			break;
		match_slots(object, &slots, slots.jumps, slots.jumps ? slots.jump_count : 0);
		match_slots(object, &slots, slots.others, slots.others ? slots.other_count : 0);
		break;
	}
	return 0;
}

static void *look_up(const struct match *match)
{
	void *found = dlsym(RTLD_DEFAULT, match->function->symbol), *handle;

	if (found)
		return found;
	handle = real_dlopen(*match->path ? match->path : NULL, RTLD_LAZY | RTLD_NOLOAD);
	if (!handle)
		return NULL;
	found = dlsym(handle, match->function->symbol);
	real_dlclose(handle);
	return found;
}

static void resolve_matches(void)
{
	bool looked = false;

	for (unsigned i = 0; i < got->match_count; i++) {
		struct match *match = &got->matches[i];
		uintptr_t found;

		if (match->original || !dlsym)
			continue;
		found = (uintptr_t)look_up(match);
		looked = true;
		if (leads_to(match->function, found))
			match->original = found;
	}
	if (looked && dlerror)
		dlerror();
}

static bool add_thunks(struct thunk_area *area)
{
	for (unsigned i = 0; i < got->match_count; i++) {
		struct match *match = &got->matches[i];
		struct got_function *function = match->function;
		struct thunk *thunk;

		if (!match->original)
			continue;
		if (!function->thunk || (uintptr_t)function->thunk->original != match->original) {
			thunk = thunk_add(area, &function->plan, 0);
			if (!thunk)
				return false;
			thunk->original = (const void *)match->original;
			function->thunk = thunk;
		}
		match->thunk = function->thunk;
	}
	return thunk_area_seal(area);
}

/* A thunk for each function and original. */
static bool make_thunks(void)
{
	struct thunk_area area;

	if (!got->match_count || thunk_area_open(&area, got->match_count * THUNK_SIZE, 0, 0))
		return false;
	if (add_thunks(&area))
		return true;
	for (unsigned i = 0; i < got->match_count; i++)
		got->matches[i].function->thunk = NULL;
	return false;
}

bool got_open(const struct loaded *object, bool open)
{
	return object->relro_end <= object->relro ||
		!raw3(mprotect, object->relro, object->relro_end - object->relro,
			open ? PROT_READ | PROT_WRITE : PROT_READ);
}

static void write_object(const struct loaded *object)
{
	bool open = false;

	for (unsigned i = 0; i < got->match_count; i++) {
		struct match *match = &got->matches[i];
		uintptr_t slot = (uintptr_t)match->slot;

		if (match->base != object->base || !match->thunk)
			continue;
		if (!open && slot >= object->relro && slot < object->relro_end) {
			open = got_open(object, true);
			if (!open)
				return;
		}
		/* Unless it was bound meanwhile: then the next walk finds it. */
		__atomic_compare_exchange_n(match->slot, &match->value, (uintptr_t)match->thunk,
			false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
	if (open)
		got_open(object, false);
}

static int write_slots(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	for (unsigned i = 0; i < loaded_count; i++)
		if (loaded_objects[i].base == info->dlpi_addr &&
			loaded_objects[i].path == info->dlpi_name)
			write_object(&loaded_objects[i]);
	return 0;
}

void got_walk(void)
{
	if (!got || !got->count || !dl_iterate_phdr)
		return;
	got->match_count = 0;
	dl_iterate_phdr(read_slots, NULL);
	resolve_matches();
	if (make_thunks())
		dl_iterate_phdr(write_slots, NULL);
}
