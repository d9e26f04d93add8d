/* SPDX-License-Identifier: Apache-2.0 */
/* Trace files: private, never through a link that somebody else laid, never over other data. */
#include "loader/stream/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/frame.h"

static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	/* Tells a second tracer that this file is in use; a file system without locks is no reason
	 * to fail. */
	(void)flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

static bool holds_trace(int fd, const struct stat *info)
{
	char magic[sizeof(RT_FILE_MAGIC) - 1];

	return info->st_size == 0 ||
		(pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
			!memcmp(magic, RT_FILE_MAGIC, sizeof(magic)));
}

/* 0 when the regular file at `path` may be removed. */
static int check_replaceable(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat info;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &info) || !S_ISREG(info.st_mode) || !holds_trace(fd, &info))
		err = -EEXIST;
	else if (flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK)
		err = -EBUSY;
	close(fd);
	return err;
}

int sink_file_open(const char *path)
{
	struct stat info;
	int fd = create(path);
	int err;

	if (fd != -EEXIST)
		return fd;
	if (lstat(path, &info))
		return -errno;
	if (S_ISLNK(info.st_mode))
		return -ELOOP;
	if (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode)) {
		fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	err = check_replaceable(path);
	if (err)
		return err;
	if (unlink(path))
		return -errno;
	return create(path);
}
