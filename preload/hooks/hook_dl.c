/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading of libraries. The dynamic linker searches by the run path of the object that calls
 * dlopen, which it tells by the return address: so ours must not be it. The original is made to
 * return to a `ret` instruction inside the calling object, and that one to us.
 */
#include "preload/binding.h"
#include "preload/hooks/hook.h"
#include "preload/patch/adopt.h"
#include "preload/patch/patch.h"

#define PAGE 4096ul
#define RET 0xc3

void *call_by(const void *gadget, void *function, uintptr_t a, uintptr_t b, uintptr_t c) HIDDEN;

__asm__(".text\n.hidden call_by\n.globl call_by\n.type call_by, @function\ncall_by:\n"
	"\t.cfi_startproc\n"
	"\tmov %rdi, %r11\n\tmov %rsi, %rax\n"
	"\tmov %rdx, %rdi\n\tmov %rcx, %rsi\n\tmov %r8, %rdx\n"
	"\tlea 1f(%rip), %r10\n"
	"\tpush %r10\n\t.cfi_adjust_cfa_offset 8\n"
	"\tpush %r11\n\t.cfi_adjust_cfa_offset 8\n"
	"\tjmp *%rax\n"
	"\t.cfi_adjust_cfa_offset -16\n"
	"\tnop\n1:\tret\n"
	"\t.cfi_endproc\n.size call_by, . - call_by\n");

/*
 * A `ret` in the page of code that `site` lies in. Behind `xor %eax, %eax` the frame is already
 * taken down, so that an unwinder that comes by finds its way; any other does for returning.
 */
static const void *ret_find(const void *site)
{
	const unsigned char *page = (const unsigned char *)((uintptr_t)site & -PAGE);
	const void *any = NULL;

	for (unsigned at = 2; at < PAGE; at++) {
		if (page[at] != RET)
			continue;
		if (page[at - 2] == 0x31 && page[at - 1] == 0xc0)
			return page + at;
		any = page + at;
	}
	return any;
}

static NOINLINE void *open_recorded(
	void *function, const void *site, const char *file, uintptr_t a, uintptr_t b, uintptr_t c)
{
	const void *gadget = ret_find(site);
	struct loading loading;
	struct rt_bytes tail;
	struct rt_call call;
	bool recorded;
	void *handle;

	functions_before(&loading);
	recorded = call_enter(&call, RT_EV_dlopen, RT_FAMILY_dl, 0);
	handle = call_by(gadget, function, a, b, c);
	if (recorded)
		call_leave_tail(&call, (uintptr_t)handle, handle ? 0 : -1,
			file ? text_tail(&tail, RT_TAIL_PATH, file) : NULL);
	functions_after(&loading, handle);
	if (handle)
		adopt_loaded();
	return handle;
}

void *dlopen(const char *file, int mode)
{
	const void *site = __builtin_return_address(0);

	if (!region_mapped() || !ret_find(site))
		return real_dlopen(file, mode);
	return open_recorded((void *)real_dlopen, site, file, (uintptr_t)file, (uintptr_t)mode, 0);
}

void *dlmopen(Lmid_t space, const char *file, int mode)
{
	const void *site = __builtin_return_address(0);

	if (!region_mapped() || !ret_find(site))
		return real_dlmopen(space, file, mode);
	return open_recorded((void *)real_dlmopen, site, file, (uintptr_t)space, (uintptr_t)file,
		(uintptr_t)mode);
}

static NOINLINE int record_dlclose(void *handle)
{
	struct rt_call call;
	int result;

	if (!call_enter(&call, RT_EV_dlclose, RT_FAMILY_dl, (uintptr_t)handle))
		return real_dlclose(handle);
	result = real_dlclose(handle);
	call_leave(&call, (uintptr_t)handle, result);
	return result;
}

int dlclose(void *handle)
{
	int result = region_off() ? real_dlclose(handle) : record_dlclose(handle);

	bindings_forget();
	return result;
}
