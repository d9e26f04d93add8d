/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dynamic linker would do with a program, told from its file. The file is read as a
 * stranger's: every offset is checked.
 */
#include "loader/target/identity.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPTS_NESTED 5 /* as many as the kernel follows */
#define SHIM "libragtime.so"

static int check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode) || access(path, X_OK) < 0)
		return -EACCES;
	return 0;
}

int identity_find(const char *command, char *path, size_t size)
{
	const char *folders = getenv("PATH");
	int err, result = -ENOENT;

	if (!*command)
		return -ENOENT;
	if (strchr(command, '/')) {
		if ((size_t)snprintf(path, size, "%s", command) >= size)
			return -ENAMETOOLONG;
		return check_file(path);
	}
	if (!folders)
		folders = "/usr/local/bin:/bin:/usr/bin";
	while (true) {
		size_t length = strcspn(folders, ":");

		if ((size_t)snprintf(path, size, "%.*s%s%s", (int)length, folders,
			    length ? "/" : "./", command) < size) {
			err = check_file(path);
			if (!err)
				return 0;
			if (err == -EACCES)
				result = err;
		}
		if (!folders[length])
			return result;
		folders += length + 1;
	}
}

struct image {
	const uint8_t *bytes;
	size_t size;
};

static const void *image_at(const struct image *image, uint64_t offset, uint64_t size)
{
	if (offset > image->size || size > image->size - offset)
		return NULL;
	return image->bytes + offset;
}

/* A table of the file; one that no linker would have placed so is none. */
static const void *table_at(const struct image *image, uint64_t offset, uint64_t size)
{
	return offset % 8 ? NULL : image_at(image, offset, size);
}

static const Elf64_Phdr *find_segment(const struct image *image, uint32_t type)
{
	const Elf64_Ehdr *head = image_at(image, 0, sizeof(*head));

	for (uint32_t i = 0; head && i < head->e_phnum; i++) {
		const Elf64_Phdr *segment = table_at(
			image, head->e_phoff + (uint64_t)i * sizeof(*segment), sizeof(*segment));

		if (!segment)
			return NULL;
		if (segment->p_type == type)
			return segment;
	}
	return NULL;
}

static const Elf64_Shdr *find_section(const struct image *image, const char *wanted)
{
	const Elf64_Ehdr *head = image_at(image, 0, sizeof(*head));
	const Elf64_Shdr *sections, *names;
	size_t length = strlen(wanted) + 1;

	sections = table_at(image, head->e_shoff, (uint64_t)head->e_shnum * sizeof(*sections));
	if (!sections || head->e_shstrndx >= head->e_shnum)
		return NULL;
	names = &sections[head->e_shstrndx];
	for (uint32_t i = 0; i < head->e_shnum; i++) {
		const char *name =
			image_at(image, names->sh_offset + (uint64_t)sections[i].sh_name, length);

		if (name && !memcmp(name, wanted, length))
			return &sections[i];
	}
	return NULL;
}

/* AddressSanitizer refuses to start behind another preloaded library. */
static bool has_asan(const struct image *image)
{
	const Elf64_Shdr *section = find_section(image, ".dynstr");
	const void *names = section ? image_at(image, section->sh_offset, section->sh_size) : NULL;

	return names && memmem(names, section->sh_size, "__asan_init", 12);
}

static const char *judge_elf(const struct image *image)
{
	const Elf64_Ehdr *head = image_at(image, 0, sizeof(*head));
	const Elf64_Phdr *segment;

	if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0)
		return NULL;
	if (head->e_ident[EI_CLASS] != ELFCLASS64)
		return "it is a 32-bit program";
	if (head->e_machine != EM_X86_64)
		return "it is made for another processor";
	segment = find_segment(image, PT_INTERP);
	if (!segment)
		return find_section(image, ".note.go.buildid")
			? "it is a statically linked Go program"
			: "it is statically linked";
	if (has_asan(image))
		return "it is built with AddressSanitizer";
	return NULL;
}

/* The kernel clears LD_PRELOAD's effect where a program changes who the user is. */
static const char *judge_privilege(const char *path, const struct stat *st)
{
	if (st->st_mode & S_ISUID && st->st_uid != geteuid())
		return "it is setuid";
	if (st->st_mode & S_ISGID && st->st_mode & S_IXGRP && st->st_gid != getegid())
		return "it is setgid";
	if (geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
		return "it has file capabilities";
	return NULL;
}

/* The interpreter of a "#!" line; false where there is none. */
static bool read_interpreter(const struct image *image, char *path, size_t size)
{
	const char *text = (const char *)image->bytes;
	size_t at = 2, length = 0;

	if (image->size < 3 || memcmp(text, "#!", 2) != 0)
		return false;
	while (at < image->size && (text[at] == ' ' || text[at] == '\t'))
		at++;
	while (at + length < image->size && !strchr(" \t\n", text[at + length]))
		length++;
	if (!length || length >= size)
		return false;
	memcpy(path, text + at, length);
	path[length] = '\0';
	return true;
}

static const char *judge_file(const char *path, char *interpreter, size_t size)
{
	struct image image = {0};
	const char *obstacle = NULL;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	interpreter[0] = '\0';
	if (fd < 0) /* executable, but not readable: nothing to be told */
		return stat(path, &st) < 0 ? NULL : judge_privilege(path, &st);
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0) {
		image.size = (size_t)st.st_size;
		image.bytes = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (image.bytes != MAP_FAILED) {
			if (!read_interpreter(&image, interpreter, size))
				obstacle = judge_privilege(path, &st);
			if (!obstacle && !interpreter[0])
				obstacle = judge_elf(&image);
			munmap((void *)image.bytes, image.size);
		}
	}
	close(fd);
	return obstacle;
}

const char *identity_obstacle(const char *path)
{
	char file[4096], interpreter[4096];

	snprintf(file, sizeof(file), "%s", path);
	for (int i = 0; i < SCRIPTS_NESTED; i++) {
		const char *obstacle = judge_file(file, interpreter, sizeof(interpreter));

		if (obstacle || !interpreter[0])
			return obstacle;
		snprintf(file, sizeof(file), "%s", interpreter);
	}
	return NULL;
}

int identity_shim(char *path, size_t size)
{
	static const char *const places[] = {"/" SHIM, "/../lib/ragtime/" SHIM};
	char own[4096], candidate[4352];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	own[length > 0 ? length : 0] = '\0';
	slash = strrchr(own, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *real;

		snprintf(candidate, sizeof(candidate), "%s%s", own, places[i]);
		real = realpath(candidate, NULL);
		if (real && strlen(real) < size && !strpbrk(real, ": ")) {
			strcpy(path, real);
			free(real);
			return 0;
		}
		free(real);
	}
	return -ENOENT;
}
