/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/target/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 128

ssize_t procfs_read(pid_t pid, const char *name, char *text, size_t size)
{
	char path[PATH_SIZE];
	ssize_t length;
	int fd, err;

	text[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	err = -errno;
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length < 0 ? err : length;
}

ssize_t procfs_link(pid_t pid, const char *name, char *text, size_t size)
{
	char path[PATH_SIZE];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	length = readlink(path, text, size);
	if (length < 0 || (size_t)length == size) {
		text[0] = '\0';
		return length < 0 ? -errno : -ENAMETOOLONG;
	}
	text[length] = '\0';
	return length;
}

bool procfs_status(pid_t pid, const char *name, int base, uint64_t *value)
{
	char text[4096], wanted[40], *at, *end;

	if (procfs_read(pid, "status", text, sizeof(text)) <= 0)
		return false;
	snprintf(wanted, sizeof(wanted), "\n%s:\t", name);
	at = strstr(text, wanted);
	if (!at)
		return false;
	at += strlen(wanted);
	*value = strtoull(at, &end, base);
	return end != at;
}

static bool is_interpreter(const char *program)
{
	static const char *const names[] = {
		"python", "node", "ruby", "perl", "bash", "dash", "sh", "php", "java", NULL};
	const char *slash = strrchr(program, '/');
	const char *base = slash ? slash + 1 : program;

	for (int i = 0; names[i]; i++) {
		size_t length = strlen(names[i]);

		if (!strncmp(base, names[i], length) &&
			strspn(base + length, "0123456789.") == strlen(base + length))
			return true;
	}
	return false;
}

char *procfs_script(pid_t pid, const char *program)
{
	char text[4096];
	const char *at, *end;
	ssize_t size;

	if (!is_interpreter(program))
		return NULL;
	size = procfs_read(pid, "cmdline", text, sizeof(text));
	if (size <= 0)
		return NULL;
	end = text + size;
	for (at = text + strlen(text) + 1; at < end; at += strlen(at) + 1) {
		if (!strcmp(at, "-c") || !strcmp(at, "-e"))
			return NULL;
		if (!strcmp(at, "-m"))
			continue;
		if (at[0] != '-')
			return strdup(at);
	}
	return NULL;
}

int procfs_numbers(pid_t pid, const char *name, procfs_number_fn *found, void *context)
{
	char path[PATH_SIZE] = "/proc";
	struct dirent *entry;
	DIR *folder;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	folder = opendir(path);
	if (!folder)
		return -errno;
	while ((entry = readdir(folder))) {
		char *end;
		long number = strtol(entry->d_name, &end, 10);

		if (end != entry->d_name && !*end && !found(context, (int)number))
			break;
	}
	closedir(folder);
	return 0;
}

uint64_t procfs_namespace(pid_t pid, const char *kind)
{
	char path[PATH_SIZE];
	struct stat info;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	return stat(path, &info) ? 0 : info.st_ino;
}
