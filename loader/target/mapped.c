/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/target/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "loader/symbols/elf.h"
#include "loader/target/remote.h"

#define PAGE 4096

void mapped_each(pid_t pid, mapped_fn *take, void *context)
{
	char name[64], line[PATH_MAX + 128], before[PATH_MAX] = "";
	unsigned long base, offset;
	FILE *maps;
	int at;

	snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
	maps = fopen(name, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		at = 0;
		if (sscanf(line, "%lx-%*x %*s %lx %*s %*s %n", &base, &offset, &at) < 2 || offset ||
			line[at] != '/')
			continue;
		line[at + (int)strcspn(line + at, "\n")] = '\0';
		if (!strcmp(line + at, before))
			continue;
		snprintf(before, sizeof(before), "%s", line + at);
		if (!take(context, line + at, base))
			break;
	}
	if (maps)
		fclose(maps);
}

struct shim_there {
	uint64_t base;
	char path[PATH_MAX];
};

static bool take_shim(void *context, const char *path, uint64_t base)
{
	struct shim_there *there = context;

	if (!strstr(path, MAPPED_SHIM))
		return true;
	there->base = base;
	snprintf(there->path, sizeof(there->path), "%s", path);
	return false;
}

/* What lies in memory alone can be read only by what is mapped of it: is it the same as ours? */
static bool is_ours(pid_t pid, const char *shim, uint64_t base)
{
	char there[PAGE], here[PAGE];
	int fd = open(shim, O_RDONLY | O_CLOEXEC);
	bool same = fd >= 0 && pread(fd, here, sizeof(here), 0) == (ssize_t)sizeof(here) &&
		!remote_read(pid, base, there, sizeof(there)) && !memcmp(there, here, sizeof(here));

	if (fd >= 0)
		close(fd);
	return same;
}

static struct elf *open_there(pid_t pid, const char *shim, const struct shim_there *there)
{
	char path[PATH_MAX + 64];

	if (!strncmp(there->path, "/memfd:", 7))
		return is_ours(pid, shim, there->base) ? elf_open(open(shim, O_RDONLY | O_CLOEXEC))
						       : NULL;
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, there->path);
	return elf_open(open(path, O_RDONLY | O_CLOEXEC));
}

int mapped_shim(pid_t pid, const char *shim, const char *function, uint64_t *address)
{
	struct shim_there there = {0};
	struct elf_symbol symbol;
	struct elf *elf;
	int err = -EBADMSG;

	mapped_each(pid, take_shim, &there);
	*address = 0;
	if (!there.base)
		return 0;
	elf = open_there(pid, shim, &there);
	if (elf && elf_exported(elf, function, &symbol)) {
		*address = there.base + symbol.address;
		err = 0;
	}
	if (elf)
		elf_close(elf);
	if (err)
		log_error("process %d holds a library of another ragtime: restart it", (int)pid);
	return err;
}
