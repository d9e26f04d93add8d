/* SPDX-License-Identifier: Apache-2.0 */
/* Reads ELF files through libelf. Knows nothing of instructions or of processes. */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/map.h"
#include "loader/symbols/elf.h"

/* A file with more is not one that a linker made. */
#define SYMBOLS_MAX (16u << 20)

struct elf {
	int fd;
	Elf *handle;
	size_t segment_count;
	GElf_Phdr *segments;
	struct elf_symbol *symbols;
	size_t symbol_count, symbol_capacity;
	bool complete; /* symbols are read */
	const char **slots;
	size_t slot_count, slot_capacity;
	struct map slot_at; /* address to index + 1 */
	struct map exports; /* hash of a name to its symbol's number in .dynsym */
	bool exports_known;
};

static int read_segments(struct elf *elf)
{
	if (elf_getphdrnum(elf->handle, &elf->segment_count))
		return -ENOEXEC;
	elf->segments = calloc(elf->segment_count + 1, sizeof(*elf->segments));
	if (!elf->segments)
		return -ENOMEM;
	for (size_t i = 0; i < elf->segment_count; i++) {
		if (!gelf_getphdr(elf->handle, (int)i, &elf->segments[i]))
			return -ENOEXEC;
	}
	return 0;
}

static int add_symbol(struct elf *elf, const struct elf_symbol *symbol)
{
	if (elf->symbol_count == elf->symbol_capacity) {
		size_t capacity = elf->symbol_capacity ? elf->symbol_capacity * 2 : 1024;
		struct elf_symbol *grown =
			reallocarray(elf->symbols, capacity, sizeof(*elf->symbols));

		if (!grown)
			return -ENOMEM;
		elf->symbols = grown;
		elf->symbol_capacity = capacity;
	}
	elf->symbols[elf->symbol_count++] = *symbol;
	return 0;
}

/* False where the entry is no function that has code in this file. */
static bool read_symbol(const struct elf *elf, Elf_Data *data, const GElf_Shdr *header,
	size_t index, struct elf_symbol *symbol)
{
	unsigned type, binding;
	GElf_Sym entry;

	if (!gelf_getsym(data, (int)index, &entry))
		return false;
	type = GELF_ST_TYPE(entry.st_info);
	binding = GELF_ST_BIND(entry.st_info);
	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || entry.st_shndx == SHN_UNDEF)
		return false;
	symbol->name = elf_strptr(elf->handle, header->sh_link, entry.st_name);
	if (!symbol->name || !*symbol->name || !elf_executable(elf, entry.st_value))
		return false;
	/* The unlikely half of a function, split off by the compiler: nobody calls it. */
	if (header->sh_type == SHT_SYMTAB && strstr(symbol->name, ".cold"))
		return false;
	symbol->address = entry.st_value;
	symbol->size = entry.st_size;
	symbol->indirect = type == STT_GNU_IFUNC;
	symbol->exported = header->sh_type == SHT_DYNSYM && binding != STB_LOCAL;
	return true;
}

static size_t entries_of(const GElf_Shdr *header)
{
	size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;

	return count > SYMBOLS_MAX ? SYMBOLS_MAX : count;
}

static int read_symbols(struct elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = data ? entries_of(header) : 0;
	int err = 0;

	for (size_t i = 1; !err && i < count; i++) {
		struct elf_symbol symbol;

		if (read_symbol(elf, data, header, i, &symbol))
			err = add_symbol(elf, &symbol);
	}
	return err;
}

static int add_slot(struct elf *elf, uint64_t address, const char *symbol)
{
	uint64_t *index;

	if (elf->slot_count == elf->slot_capacity) {
		size_t capacity = elf->slot_capacity ? elf->slot_capacity * 2 : 256;
		const char **grown = reallocarray(elf->slots, capacity, sizeof(*elf->slots));

		if (!grown)
			return -ENOMEM;
		elf->slots = grown;
		elf->slot_capacity = capacity;
	}
	index = map_at(&elf->slot_at, address);
	if (!index)
		return -ENOMEM;
	elf->slots[elf->slot_count++] = symbol;
	*index = elf->slot_count;
	return 0;
}

static int read_slots(struct elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL), *names;
	size_t count = entries_of(header);
	Elf_Scn *table = elf_getscn(elf->handle, header->sh_link);
	GElf_Shdr table_header;

	if (!data || !table || !gelf_getshdr(table, &table_header))
		return 0;
	names = elf_getdata(table, NULL);
	for (size_t i = 0; i < count; i++) {
		const char *symbol_name;
		unsigned type;
		GElf_Rela entry;
		GElf_Sym symbol;
		int err;

		if (!gelf_getrela(data, (int)i, &entry))
			break;
		type = (unsigned)GELF_R_TYPE(entry.r_info);
		if ((type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) || !names ||
			!gelf_getsym(names, (int)GELF_R_SYM(entry.r_info), &symbol))
			continue;
		symbol_name = elf_strptr(elf->handle, table_header.sh_link, symbol.st_name);
		if (!symbol_name)
			continue;
		err = add_slot(elf, entry.r_offset, symbol_name);
		if (err)
			return err;
	}
	return 0;
}

static int by_address(const void *left, const void *right)
{
	const struct elf_symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->exported != b->exported)
		return a->exported ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int read_sections(struct elf *elf)
{
	Elf_Scn *section = NULL;
	int err = 0;

	while (!err && (section = elf_nextscn(elf->handle, section))) {
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header))
			return -ENOEXEC;
		if (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB)
			err = read_symbols(elf, section, &header);
		else if (header.sh_type == SHT_RELA && header.sh_flags & SHF_ALLOC)
			err = read_slots(elf, section, &header);
	}
	if (!err && elf->symbol_count)
		qsort(elf->symbols, elf->symbol_count, sizeof(*elf->symbols), by_address);
	return err;
}

static int read_file(struct elf *elf)
{
	struct stat status;
	GElf_Ehdr header;

	if (fstat(elf->fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -ENOEXEC;
	elf_version(EV_CURRENT);
	elf->handle = elf_begin(elf->fd, ELF_C_READ, NULL);
	if (!elf->handle || elf_kind(elf->handle) != ELF_K_ELF ||
		!gelf_getehdr(elf->handle, &header) || header.e_machine != EM_X86_64 ||
		header.e_ident[EI_CLASS] != ELFCLASS64)
		return -ENOEXEC;
	return read_segments(elf);
}

struct elf *elf_open(int fd)
{
	struct elf *elf = calloc(1, sizeof(*elf));
	int err = -ENOMEM;

	if (!elf) {
		close(fd);
		goto out;
	}
	elf->fd = fd;
	err = read_file(elf);
	if (!err)
		return elf;
	elf_close(elf);
out:
	errno = -err;
	return NULL;
}

void elf_close(struct elf *elf)
{
	if (!elf)
		return;
	if (elf->handle)
		elf_end(elf->handle);
	close(elf->fd);
	map_free(&elf->slot_at);
	map_free(&elf->exports);
	free(elf->slots);
	free(elf->symbols);
	free(elf->segments);
	free(elf);
}

int elf_load(struct elf *elf)
{
	int err;

	if (elf->complete)
		return 0;
	err = read_sections(elf);
	elf->complete = !err;
	return err;
}

const struct elf_symbol *elf_symbols(const struct elf *elf, size_t *count)
{
	*count = elf->symbol_count;
	return elf->symbols;
}

size_t elf_symbol_above(const struct elf *elf, uint64_t address)
{
	size_t low = 0, high = elf->symbol_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (elf->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static Elf_Data *dynamic_symbols(const struct elf *elf, GElf_Shdr *header)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf->handle, section))) {
		if (gelf_getshdr(section, header) && header->sh_type == SHT_DYNSYM)
			return elf_getdata(section, NULL);
	}
	return NULL;
}

static uint64_t name_hash(const char *name)
{
	uint64_t hash = 14695981039346656037ull;

	while (*name)
		hash = (hash ^ (uint8_t)*name++) * 1099511628211ull;
	return hash;
}

static void read_exports(struct elf *elf, Elf_Data *data, const GElf_Shdr *header)
{
	size_t count = entries_of(header);

	for (size_t i = 1; i < count; i++) {
		struct elf_symbol symbol;
		uint64_t *number;

		if (!read_symbol(elf, data, header, i, &symbol) || !symbol.exported)
			continue;
		number = map_at(&elf->exports, name_hash(symbol.name));
		if (number && !*number)
			*number = i;
	}
	elf->exports_known = true;
}

bool elf_exported(struct elf *elf, const char *name, struct elf_symbol *symbol)
{
	GElf_Shdr header;
	Elf_Data *data = dynamic_symbols(elf, &header);
	const uint64_t *number;

	if (!data)
		return false;
	if (!elf->exports_known)
		read_exports(elf, data, &header);
	number = map_find(&elf->exports, name_hash(name));
	return number && read_symbol(elf, data, &header, *number, symbol) &&
		!strcmp(symbol->name, name);
}

static const GElf_Phdr *segment_of(const struct elf *elf, uint64_t address)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const GElf_Phdr *segment = &elf->segments[i];

		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
			address - segment->p_vaddr < segment->p_filesz)
			return segment;
	}
	return NULL;
}

bool elf_executable(const struct elf *elf, uint64_t address)
{
	const GElf_Phdr *segment = segment_of(elf, address);

	return segment && segment->p_flags & PF_X;
}

bool elf_offset(const struct elf *elf, uint64_t address, uint64_t *offset)
{
	const GElf_Phdr *segment = segment_of(elf, address);

	if (!segment)
		return false;
	*offset = segment->p_offset + (address - segment->p_vaddr);
	return true;
}

bool elf_address(const struct elf *elf, uint64_t offset, uint64_t *address)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const GElf_Phdr *segment = &elf->segments[i];

		if (segment->p_type != PT_LOAD || offset < segment->p_offset ||
			offset - segment->p_offset >= segment->p_filesz)
			continue;
		*address = segment->p_vaddr + (offset - segment->p_offset);
		return true;
	}
	return false;
}

bool elf_variable(const struct elf *elf, const char *name, uint64_t *address)
{
	GElf_Shdr header;
	Elf_Data *data = dynamic_symbols(elf, &header);
	size_t count = data ? entries_of(&header) : 0;

	for (size_t i = 1; i < count; i++) {
		const char *found;
		GElf_Sym entry;

		if (!gelf_getsym(data, (int)i, &entry) || entry.st_shndx == SHN_UNDEF ||
			GELF_ST_TYPE(entry.st_info) != STT_OBJECT)
			continue;
		found = elf_strptr(elf->handle, header.sh_link, entry.st_name);
		if (!found || strcmp(found, name) != 0)
			continue;
		*address = entry.st_value;
		return true;
	}
	return false;
}

size_t elf_read(const struct elf *elf, uint64_t address, void *bytes, size_t size)
{
	const GElf_Phdr *segment = segment_of(elf, address);
	uint64_t inside;
	ssize_t got;

	if (!segment)
		return 0;
	inside = address - segment->p_vaddr;
	if (size > segment->p_filesz - inside)
		size = segment->p_filesz - inside;
	got = pread(elf->fd, bytes, size, (off_t)(segment->p_offset + inside));
	return got > 0 ? (size_t)got : 0;
}

const uint8_t *elf_section(const struct elf *elf, const char *name, uint64_t *address, size_t *size)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf->handle, &names))
		return NULL;
	while ((section = elf_nextscn(elf->handle, section))) {
		GElf_Shdr header;
		const char *found;
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		found = elf_strptr(elf->handle, names, header.sh_name);
		if (!found || strcmp(found, name))
			continue;
		data = elf_rawdata(section, NULL);
		if (!data || !data->d_buf)
			return NULL;
		*address = header.sh_addr;
		*size = data->d_size;
		return data->d_buf;
	}
	return NULL;
}

const char *elf_slot(const struct elf *elf, uint64_t address)
{
	const uint64_t *index = map_find(&elf->slot_at, address);

	return index ? elf->slots[*index - 1] : NULL;
}
