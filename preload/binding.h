/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The original of a hooked library function, per call site.
 *
 * A process may hold two copies of one library (a wheel's libssl and the system's), and a library
 * loaded with RTLD_LOCAL is not found by RTLD_NEXT at all. So each call site keeps the function
 * that the dynamic linker would have given it had our hook not stood in front.
 */
#ifndef PRELOAD_BINDING_H
#define PRELOAD_BINDING_H

#include <stdint.h>

#define BINDING_SITES 64 /* call sites beyond these resolve at each call */
#define BINDING_PROBES 8

struct binding {
	const char *name;
	void *self;	      /* our hook, to recognise it in an answer */
	struct binding *next; /* of those that remember anything */
	unsigned listed;
	struct binding_site {
		uintptr_t site;
		void *function;
	} sites[BINDING_SITES];
};

/* Finds, remembers where there is room, and returns it. NULL: no such function but our own. */
void *binding_resolve(struct binding *binding, uintptr_t site);

static inline void *binding_at(struct binding *binding, void *return_address)
{
	uintptr_t site = (uintptr_t)return_address;
	unsigned at = (unsigned)(site ^ site >> 6 ^ site >> 12);

	for (unsigned probe = 0; probe < BINDING_PROBES; probe++) {
		struct binding_site *entry = &binding->sites[(at + probe) % BINDING_SITES];

		if (__atomic_load_n(&entry->site, __ATOMIC_ACQUIRE) == site) {
			void *function = __atomic_load_n(&entry->function, __ATOMIC_ACQUIRE);

			if (__atomic_load_n(&entry->site, __ATOMIC_RELAXED) == site)
				return function;
		}
	}
	return binding_resolve(binding, site);
}

/* After a library was closed: call sites and functions may have gone with it. */
void bindings_forget(void);

/* Declares what a hook named `symbol` is bound to. CALLER is the hook's own call site. */
#define BOUND(symbol) \
	static struct binding bound_##symbol = {.name = #symbol, .self = (void *)symbol}
#define CALLER __builtin_return_address(0)
#define EXPORT __attribute__((visibility("default")))

/* `name` as the object around `site` sees it, without a cache: for rare calls. */
void *binding_find(const char *name, void *self, uintptr_t site);

#endif
