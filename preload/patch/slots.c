/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/patch/slots.h"

bool slots_find(const struct loaded *object, struct slots *slots)
{
	*slots = (struct slots){0};
	for (const ElfW(Dyn) *entry = object->dynamic; entry && entry->d_tag != DT_NULL; entry++) {
		uintptr_t at = loaded_dynamic(object, entry->d_un.d_ptr);

		if (entry->d_tag == DT_JMPREL)
			slots->jumps = (const ElfW(Rela) *)at;
		else if (entry->d_tag == DT_PLTRELSZ)
			slots->jump_count = entry->d_un.d_val / sizeof(ElfW(Rela));
		else if (entry->d_tag == DT_RELA)
			slots->others = (const ElfW(Rela) *)at;
		else if (entry->d_tag == DT_RELASZ)
			slots->other_count = entry->d_un.d_val / sizeof(ElfW(Rela));
		else if (entry->d_tag == DT_SYMTAB)
			slots->symbols = (const ElfW(Sym) *)at;
		else if (entry->d_tag == DT_STRTAB)
			slots->strings = (const char *)at;
	}
	return slots->symbols && slots->strings;
}
