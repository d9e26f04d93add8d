/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/kernel/kernel_symbols.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"

struct symbol {
	uint64_t address;
	uint32_t name; /* where it stands in names */
};

struct kernel_symbols {
	struct symbol *list; /* by address */
	size_t count, capacity;
	struct buf names;
	bool read;
};

struct kernel_symbols *kernel_symbols_new(void)
{
	return calloc(1, sizeof(struct kernel_symbols));
}

void kernel_symbols_free(struct kernel_symbols *symbols)
{
	if (!symbols)
		return;
	buf_free(&symbols->names);
	free(symbols->list);
	free(symbols);
}

static bool add(struct kernel_symbols *symbols, uint64_t address, const char *name)
{
	if (symbols->count == symbols->capacity) {
		size_t capacity = symbols->capacity ? symbols->capacity * 2 : 65536;
		struct symbol *list = reallocarray(symbols->list, capacity, sizeof(*list));

		if (!list)
			return false;
		symbols->list = list;
		symbols->capacity = capacity;
	}
	symbols->list[symbols->count++] = (struct symbol){address, (uint32_t)symbols->names.size};
	buf_puts(&symbols->names, name);
	buf_append(&symbols->names, "", 1);
	return !symbols->names.failed;
}

static int by_address(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

/* Who may not know addresses is told zeros. */
static void read_all(struct kernel_symbols *symbols)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[512], name[256], type;
	unsigned long long address;

	symbols->read = true;
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx %c %255s", &address, &type, name) != 3 || !address ||
			(type != 't' && type != 'T' && type != 'w' && type != 'W'))
			continue;
		if (!add(symbols, address, name))
			break;
	}
	if (file)
		fclose(file);
	if (symbols->count)
		qsort(symbols->list, symbols->count, sizeof(*symbols->list), by_address);
}

const char *kernel_symbols_name(struct kernel_symbols *symbols, uint64_t address)
{
	size_t low = 0, high;

	if (!symbols->read)
		read_all(symbols);
	high = symbols->count;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (symbols->list[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && !symbols->names.failed
		? (const char *)symbols->names.data + symbols->list[low - 1].name
		: "";
}
