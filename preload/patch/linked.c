/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks the names up in the program's own hash table, as the dynamic linker does: a program that
 * has none of them pays for one look-up. Where it has, the tracer is asked how their first
 * instructions can be moved.
 */
#include "preload/patch/linked.h"
#include "preload/patch/inline.h"
#include "preload/patch/mail.h"
#include "preload/patch/patch.h"
#include "preload/patch/thunk.h"

/* DT_GNU_HASH: a header, then `bloom_size` words, the buckets, the chains. */
struct hash_head {
	__u32 buckets, first, bloom_size, bloom_shift;
};

struct exports {
	const struct hash_head *hash;
	const ElfW(Sym) * symbols;
	const char *strings;
};

static bool exports_find(const struct loaded *program, struct exports *exports)
{
	*exports = (struct exports){0};
	for (const ElfW(Dyn) *entry = program->dynamic; entry && entry->d_tag != DT_NULL; entry++) {
		uintptr_t at = loaded_dynamic(program, entry->d_un.d_ptr);

		if (entry->d_tag == DT_GNU_HASH)
			exports->hash = (const struct hash_head *)at;
		else if (entry->d_tag == DT_SYMTAB)
			exports->symbols = (const ElfW(Sym) *)at;
		else if (entry->d_tag == DT_STRTAB)
			exports->strings = (const char *)at;
	}
	return exports->hash && exports->hash->buckets && exports->hash->bloom_size &&
		exports->symbols && exports->strings;
}

static __u32 hash_of(const char *name)
{
	__u32 hash = 5381;

	while (*name)
		hash = hash * 33 + (__u8)*name++;
	return hash;
}

/* A function of that name which the program defines, or NULL. */
static const ElfW(Sym) * export_of(const struct exports *exports, const char *name)
{
	const struct hash_head *head = exports->hash;
	const __u64 *bloom = (const __u64 *)(head + 1);
	const __u32 *buckets = (const __u32 *)(bloom + head->bloom_size);
	const __u32 *chains = buckets + head->buckets;
	__u32 hash = hash_of(name), index;
	__u64 word = bloom[hash / 64 % head->bloom_size];

	if (!(word >> hash % 64 & word >> (hash >> head->bloom_shift) % 64 & 1))
		return NULL;
	index = buckets[hash % head->buckets];
	for (; index >= head->first; index++) {
		const ElfW(Sym) *symbol = &exports->symbols[index];
		__u32 found = chains[index - head->first];

		if ((found | 1) == (hash | 1) && symbol->st_shndx != SHN_UNDEF &&
			ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
			text_equal(exports->strings + symbol->st_name, name))
			return symbol;
		if (found & 1)
			break;
	}
	return NULL;
}

static unsigned find(
	const struct loaded *program, struct rt_ask_linked *asked, const struct linked_hook **hooks)
{
	struct exports exports;
	unsigned count = 0;

	if (!exports_find(program, &exports))
		return 0;
	for (unsigned i = 0; i < LINKED_HOOKS; i++) {
		const ElfW(Sym) *symbol = export_of(&exports, linked_hooks[i].symbol);

		if (!symbol && !i)
			return 0;
		if (!symbol)
			continue;
		asked[count] = (struct rt_ask_linked){symbol->st_value, symbol->st_size};
		hooks[count++] = &linked_hooks[i];
	}
	return count;
}

void linked_open(void)
{
	const struct linked_hook *hooks[LINKED_HOOKS];
	struct rt_ask_linked asked[LINKED_HOOKS];
	struct wanted wanted[LINKED_HOOKS];
	struct loaded program;
	unsigned count, answered;

	if (rt_region->mode == RT_MODE_OFF || !loaded_program(&program))
		return;
	count = find(&program, asked, hooks);
	if (!count || !mail_open())
		return;
	answered = question_linked(&program, asked, count, wanted, LINKED_HOOKS);
	for (unsigned i = 0; i < answered; i++) {
		if (wanted[i].patch->kind >= count)
			answered = i;
		else
			wanted[i].hook = hooks[wanted[i].patch->kind]->hook;
	}
	program.exposed = functions_threads() != 1;
	inline_patch(&program, wanted, answered);
	for (unsigned i = 0; i < answered; i++)
		if (wanted[i].outcome == RT_OUTCOME_INLINE)
			*hooks[wanted[i].patch->kind]->original = wanted[i].thunk->original;
	if (mail_held())
		mail_close();
}
