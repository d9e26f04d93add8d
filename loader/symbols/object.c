/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and keeps the files; see object.h. Paths come from the target and are hostile. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "loader/symbols/object.h"

#define PATH_SIZE 4096
#define OBJECTS_MAX 2048

struct file {
	dev_t device;
	ino_t inode;
	struct timespec changed;
	char *module;
	struct object object; /* elf NULL: it is no ELF file */
	bool framed;
};

/* An object of the process: opened when it is needed. */
struct loaded {
	char *path; /* by which this process can open it */
	const char *module;
	struct file *file;
	bool opened;
};

struct objects {
	struct file **files;
	size_t file_count, file_capacity;
	pid_t pid;
	size_t count;
	struct loaded loaded[OBJECTS_MAX];
};

struct objects *objects_new(void)
{
	return calloc(1, sizeof(struct objects));
}

void objects_free(struct objects *objects)
{
	if (!objects)
		return;
	objects_begin(objects, 0);
	for (size_t i = 0; i < objects->file_count; i++) {
		elf_close(objects->files[i]->object.elf);
		free(objects->files[i]->module);
		free(objects->files[i]);
	}
	free(objects->files);
	free(objects);
}

void objects_begin(struct objects *objects, pid_t pid)
{
	for (size_t i = 0; i < objects->count; i++)
		free(objects->loaded[i].path);
	objects->count = 0;
	objects->pid = pid;
}

/* The program: opened by what it is, named by what it is called. One string holds both. */
static int add_program(struct objects *objects, struct loaded *loaded)
{
	char program[PATH_SIZE], link[64];
	const char *slash;
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/%d/exe", objects->pid);
	size = readlink(link, program, sizeof(program) - 1);
	if (size < 0)
		return -errno;
	program[size] = 0;
	slash = strrchr(program, '/');
	if (asprintf(&loaded->path, "%s%c%s", link, 0, slash ? slash + 1 : program) < 0)
		return -ENOMEM;
	loaded->module = loaded->path + strlen(link) + 1;
	return 0;
}

int objects_add(struct objects *objects, const char *path)
{
	struct loaded *loaded = &objects->loaded[objects->count];
	int err = 0;

	if (objects->count == OBJECTS_MAX)
		return -E2BIG;
	*loaded = (struct loaded){.opened = false};
	if (!*path)
		err = add_program(objects, loaded);
	else if (asprintf(&loaded->path, "/proc/%d/%s/%s", objects->pid,
			 *path == '/' ? "root" : "cwd", path) < 0)
		err = -ENOMEM;
	else
		loaded->module = strrchr(loaded->path, '/') + 1;
	if (!err)
		objects->count++;
	return err;
}

static struct file *file_new(
	struct objects *objects, int fd, const struct stat *status, const char *module)
{
	struct file *file = calloc(1, sizeof(*file));

	if (objects->file_count == objects->file_capacity) {
		size_t capacity = objects->file_capacity ? objects->file_capacity * 2 : 64;
		struct file **grown = reallocarray(objects->files, capacity, sizeof(*grown));

		if (!grown)
			goto out;
		objects->files = grown;
		objects->file_capacity = capacity;
	}
	if (file)
		file->module = strdup(module);
	if (!file || !file->module)
		goto out;
	file->device = status->st_dev;
	file->inode = status->st_ino;
	file->changed = status->st_mtim;
	file->object.module = file->module;
	file->object.number = objects->file_count;
	file->object.elf = elf_open(fd);
	objects->files[objects->file_count++] = file;
	return file;
out:
	close(fd);
	free(file);
	return NULL;
}

/* By what it is, not by its name: files get replaced while targets run. */
static struct file *file_find(struct objects *objects, int fd, const char *module)
{
	struct stat status;

	if (fstat(fd, &status) || !S_ISREG(status.st_mode)) {
		close(fd);
		return NULL;
	}
	for (size_t i = 0; i < objects->file_count; i++) {
		struct file *file = objects->files[i];

		if (file->device == status.st_dev && file->inode == status.st_ino &&
			file->changed.tv_sec == status.st_mtim.tv_sec &&
			file->changed.tv_nsec == status.st_mtim.tv_nsec) {
			close(fd);
			return file;
		}
	}
	return file_new(objects, fd, &status, module);
}

static struct file *open_file(struct objects *objects, size_t index)
{
	struct loaded *loaded = &objects->loaded[index];
	int fd;

	if (!loaded->opened) {
		fd = open(loaded->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0)
			loaded->file = file_find(objects, fd, loaded->module);
		loaded->opened = true;
	}
	return loaded->file && loaded->file->object.elf ? loaded->file : NULL;
}

const char *objects_module(const struct objects *objects, size_t index)
{
	return objects->loaded[index].module;
}

const struct object *objects_open(struct objects *objects, size_t index)
{
	struct file *file = open_file(objects, index);

	if (!file || elf_load(file->object.elf))
		return NULL;
	if (!file->framed)
		frame_table_of(&file->object.frames, file->object.elf);
	file->framed = true;
	return &file->object;
}

struct elf *objects_elf(struct objects *objects, size_t index)
{
	struct file *file = open_file(objects, index);

	return file ? file->object.elf : NULL;
}

const struct object *objects_import(void *context, const char *symbol, uint64_t *address)
{
	struct objects *objects = context;

	for (size_t i = 0; i < objects->count; i++) {
		/* Our own hooks stand before the functions that they lead to. */
		bool ours = !strcmp(objects->loaded[i].module, "libragtime.so");
		struct elf *elf = ours ? NULL : objects_elf(objects, i);
		struct elf_symbol found;

		if (!elf || !elf_exported(elf, symbol, &found))
			continue;
		*address = found.address;
		return found.indirect ? NULL : objects_open(objects, i);
	}
	return NULL;
}
