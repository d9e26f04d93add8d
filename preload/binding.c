/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds what a call site would have been bound to without us: first the global scope behind us, as
 * the dynamic linker searches it, then the calling object and its own dependencies.
 */
#include "preload/binding.h"
#include "preload/hooks/hook.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>

#pragma weak dlsym
#pragma weak dladdr1
#pragma weak dlerror

extern int *__errno_location(void) __attribute__((weak, const));

static void *in_object_of(const char *name, void *self, uintptr_t site)
{
	struct link_map *map = NULL;
	Dl_info info;
	void *handle, *found;

	if (!dladdr1 || !dladdr1((void *)site, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
		return NULL;
	/*
	 * Its link map is no handle yet where it came as a dependency alone: dlsym would follow a
	 * NULL in it. Opening it again makes it one.
	 */
	handle = real_dlopen(
		map->l_name && *map->l_name ? map->l_name : NULL, RTLD_LAZY | RTLD_NOLOAD);
	if (!handle)
		return NULL;
	found = dlsym(handle, name);
	real_dlclose(handle);
	return found == self ? NULL : found;
}

void *binding_find(const char *name, void *self, uintptr_t site)
{
	void *found;

	if (!dlsym)
		return NULL;
	/* Where no hook stands in front, what all see: the program's own before any library's. */
	found = dlsym(self ? RTLD_NEXT : RTLD_DEFAULT, name);
	if (found && found != self)
		return found;
	return in_object_of(name, self, site);
}

static struct binding *bindings;

static void list(struct binding *binding)
{
	if (__atomic_exchange_n(&binding->listed, 1, __ATOMIC_ACQ_REL))
		return;
	binding->next = __atomic_load_n(&bindings, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(
		&bindings, &binding->next, binding, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

void bindings_forget(void)
{
	struct binding *binding = __atomic_load_n(&bindings, __ATOMIC_ACQUIRE);

	for (; binding; binding = binding->next)
		for (unsigned at = 0; at < BINDING_SITES; at++)
			__atomic_store_n(&binding->sites[at].site, 0, __ATOMIC_RELEASE);
}

/*
 * While an entry is being filled its site is 1, which is no return address. A reader takes the
 * function between two looks at the site.
 */
static void remember(struct binding *binding, uintptr_t site, void *function)
{
	unsigned at = (unsigned)(site ^ site >> 6 ^ site >> 12);

	for (unsigned probe = 0; probe < BINDING_PROBES; probe++) {
		struct binding_site *entry = &binding->sites[(at + probe) % BINDING_SITES];
		uintptr_t vacant = 0;

		if (!__atomic_compare_exchange_n(
			    &entry->site, &vacant, 1, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		__atomic_store_n(&entry->function, function, __ATOMIC_RELEASE);
		__atomic_store_n(&entry->site, site, __ATOMIC_RELEASE);
		return;
	}
}

void *binding_resolve(struct binding *binding, uintptr_t site)
{
	int saved = *__errno_location();
	void *function = binding_find(binding->name, binding->self, site);

	/* A search in vain left a message that is not the program's. */
	if (dlerror)
		dlerror();
	*__errno_location() = saved;
	if (function) {
		list(binding);
		remember(binding, site, function);
	}
	return function;
}
