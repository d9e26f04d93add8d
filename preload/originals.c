/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the functions that the hooks stand in front of. */
#include "preload/hooks/hook.h"

#include <dlfcn.h>
#include <errno.h>

#pragma weak dlsym
#pragma weak dlerror

/* A hook that is called before the constructor has run comes here by its stub. */
#define HOOKS(file)
#define USED(name) HOOK(name)
#define HOOK(name)                                                          \
	void lazy_##name(void);                                             \
	__asm__(".text\n.type lazy_" #name ", @function\nlazy_" #name ":\n" \
		"\tlea real_" #name "(%rip), %rax\n\tjmp original_late\n"   \
		".size lazy_" #name ", . - lazy_" #name "\n");              \
	__typeof__(name) *real_##name = (__typeof__(name) *)lazy_##name;
#include "preload/hooks/hooks.def"
#undef HOOK

static const struct original {
	const char *name;
	void **pointer;
} originals[] = {
#define HOOK(name) {#name, (void **)&real_##name},
#include "preload/hooks/hooks.def"
#undef HOOK
};

/*
 * Keeps every register that may hold an argument, resolves the pointer in rax, and goes on to the
 * original. No hooked function takes arguments in vector registers.
 */
__asm__(".text\n.type original_late, @function\noriginal_late:\n"
	"\tpush %rdi\n\tpush %rsi\n\tpush %rdx\n\tpush %rcx\n\tpush %r8\n\tpush %r9\n"
	"\tsub $8, %rsp\n"
	"\tmov %rax, %rdi\n\tcall original_find_late\n"
	"\tadd $8, %rsp\n"
	"\tpop %r9\n\tpop %r8\n\tpop %rcx\n\tpop %rdx\n\tpop %rsi\n\tpop %rdi\n"
	"\tjmp *%rax\n"
	".size original_late, . - original_late\n");

/* Where the shim came late it stands in nobody's way: the originals are what everybody sees. */
static bool behind_us = true;

static long original_missing(void)
{
	if (__errno_location)
		*__errno_location() = ENOSYS;
	return -1;
}

/* What is not there may come with a library yet: old glibc has its threads in one. */
static void original_resolve(const struct original *original)
{
	void *found = dlsym ? dlsym(behind_us ? RTLD_NEXT : RTLD_DEFAULT, original->name) : NULL;

	if (found)
		__atomic_store_n(original->pointer, found, __ATOMIC_RELEASE);
}

HIDDEN void *original_find_late(void **pointer);

/* Where to go on: the original, or what stands in for it while it is being looked for. */
void *__attribute__((used)) original_find_late(void **pointer)
{
	void *stub = *pointer, *stopgap = rt_self.resolving ? original_stopgap(pointer) : NULL;
	bool outer = rt_self.resolving;

	if (stopgap)
		return stopgap;
	rt_self.resolving = true;
	for (size_t index = 0; index < sizeof(originals) / sizeof(*originals); index++)
		if (originals[index].pointer == pointer)
			original_resolve(&originals[index]);
	rt_self.resolving = outer;
	return *pointer == stub ? (void *)original_missing : *pointer;
}

bool originals_adopt(void)
{
	behind_us = false;
	return originals_resolve();
}

bool originals_resolve(void)
{
	if (!dlsym || !__errno_location)
		return false;
	rt_self.resolving = true;
	for (size_t index = 0; index < sizeof(originals) / sizeof(*originals); index++)
		original_resolve(&originals[index]);
	/* A name that this libc lacks left a message that is not the program's. */
	if (dlerror)
		dlerror();
	rt_self.resolving = false;
	return true;
}
