/* SPDX-License-Identifier: Apache-2.0 */
/* Small questions to the file system, counted only; and the part of them that found nothing. */
#include "preload/hooks/hook.h"
#include "preload/messages.h"

#include <fcntl.h>

#include <stdarg.h>

static int ask_leave(int result)
{
	if (result)
		call_count(RT_EV_stat_failed, RT_FAMILY_file, 0);
	return result;
}

#define ASK(event, name, params, args)                        \
	int name params                                       \
	{                                                     \
		if (region_off())                             \
			return real_##name args;              \
		call_count(RT_EV_##event, RT_FAMILY_file, 0); \
		return ask_leave(real_##name args);           \
	}

ASK(stat, stat, (const char *path, struct stat *status), (path, status))
ASK(stat, stat64, (const char *path, struct stat64 *status), (path, status))
ASK(stat, lstat, (const char *path, struct stat *status), (path, status))
ASK(stat, lstat64, (const char *path, struct stat64 *status), (path, status))
ASK(stat, fstat, (int fd, struct stat *status), (fd, status))
ASK(stat, fstat64, (int fd, struct stat64 *status), (fd, status))
ASK(stat, fstatat, (int dir, const char *path, struct stat *status, int flags),
	(dir, path, status, flags))
ASK(stat, fstatat64, (int dir, const char *path, struct stat64 *status, int flags),
	(dir, path, status, flags))
ASK(stat, statx, (int dir, const char *path, int flags, unsigned mask, struct statx *status),
	(dir, path, flags, mask, status))
ASK(stat, __xstat, (int version, const char *path, struct stat *status), (version, path, status))
ASK(stat, __xstat64, (int version, const char *path, struct stat64 *status),
	(version, path, status))
ASK(stat, __lxstat, (int version, const char *path, struct stat *status), (version, path, status))
ASK(stat, __lxstat64, (int version, const char *path, struct stat64 *status),
	(version, path, status))
ASK(stat, __fxstat, (int version, int fd, struct stat *status), (version, fd, status))
ASK(stat, __fxstat64, (int version, int fd, struct stat64 *status), (version, fd, status))
ASK(stat, __fxstatat, (int version, int dir, const char *path, struct stat *status, int flags),
	(version, dir, path, status, flags))
ASK(stat, __fxstatat64, (int version, int dir, const char *path, struct stat64 *status, int flags),
	(version, dir, path, status, flags))
ASK(access, access, (const char *path, int mode), (path, mode))
ASK(access, faccessat, (int dir, const char *path, int mode, int flags), (dir, path, mode, flags))
ASK(access, euidaccess, (const char *path, int mode), (path, mode))
ASK(access, eaccess, (const char *path, int mode), (path, mode))

COUNT(file, readlink, ssize_t, readlink, (const char *path, char *data, size_t size),
	(path, data, size))
COUNT(file, readlink, ssize_t, readlinkat, (int dir, const char *path, char *data, size_t size),
	(dir, path, data, size))
COUNT(file, readlink, ssize_t, __readlink_chk,
	(const char *path, char *data, size_t size, size_t room), (path, data, size, room))
COUNT(file, readlink, ssize_t, __readlinkat_chk,
	(int dir, const char *path, char *data, size_t size, size_t room),
	(dir, path, data, size, room))
COUNT(file, lseek, off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence))
COUNT(file, lseek, off64_t, lseek64, (int fd, off64_t offset, int whence), (fd, offset, whence))

static int share(int fd, int made)
{
	if (!region_off())
		payload_shared(fd, made);
	return made;
}

/* The third argument, where there is one, fits a register; where there is none, nobody reads it. */
#define FCNTL(name)                                                           \
	int name(int fd, int command, ...)                                    \
	{                                                                     \
		va_list list;                                                 \
		void *argument;                                               \
                                                                              \
		va_start(list, command);                                      \
		argument = va_arg(list, void *);                              \
		va_end(list);                                                 \
		if (message_is(fd) && message_ask())                          \
			return 0;                                             \
		call_count(RT_EV_fcntl, RT_FAMILY_file, 0);                   \
		if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)         \
			return share(fd, real_##name(fd, command, argument)); \
		return real_##name(fd, command, argument);                    \
	}

FCNTL(fcntl)
FCNTL(fcntl64)
