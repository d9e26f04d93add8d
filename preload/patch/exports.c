/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/patch/exports.h"

/* DT_GNU_HASH: a header, then `bloom_size` words, the buckets, the chains. */
struct exports_hash {
	__u32 buckets, first, bloom_size, bloom_shift;
};

bool exports_find(struct exports *exports, const struct loaded *object)
{
	*exports = (struct exports){0};
	for (const ElfW(Dyn) *entry = object->dynamic; entry && entry->d_tag != DT_NULL; entry++) {
		uintptr_t at = loaded_dynamic(object, entry->d_un.d_ptr);

		if (entry->d_tag == DT_GNU_HASH)
			exports->hash = (const struct exports_hash *)at;
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

const ElfW(Sym) * exports_get(const struct exports *exports, const char *name)
{
	const struct exports_hash *head = exports->hash;
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
