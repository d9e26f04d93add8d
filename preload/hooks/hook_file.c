/* SPDX-License-Identifier: Apache-2.0 */
/* Files by descriptor: opening, reading, writing, and what else may wait for a disk. */
#include "preload/endpoint.h"
#include "preload/hooks/hook.h"
#include "preload/messages.h"

#include <errno.h>
#include <stdarg.h>

#define MAPPINGS 1024
#define MAPPING_PROBES 4

const struct rt_bytes *text_tail(struct rt_bytes *tail, unsigned type, const char *text)
{
	unsigned size = 0;

	while (size < RT_TAIL_MAX && text[size])
		size++;
	*tail = (struct rt_bytes){.data = text, .size = size, .type = (__u8)type};
	return tail;
}

const struct rt_bytes *path_tail(struct rt_bytes *tail, const char *path, __s64 result)
{
	switch (result < 0 ? -result : 0) {
	case 0:
	case ENOENT:
	case EACCES:
	case EEXIST:
	case EISDIR:
	case ENOTDIR:
		return text_tail(tail, RT_TAIL_PATH, path);
	default:
		return NULL;
	}
}

static NOINLINE int open_leave(const struct rt_call *call, int fd, const char *path)
{
	__s64 result = result_or_errno(fd);
	struct rt_bytes tail;

	call_leave_tail(call, (__u32)fd, result, path_tail(&tail, path, result));
	/* a socket of that number was closed where no hook is */
	if (payload_watches(fd))
		payload_close(fd);
	return fd;
}

#define RECORD_OPEN(name, params, args)                                        \
	static NOINLINE int record_##name params                               \
	{                                                                      \
		struct rt_call call;                                           \
                                                                               \
		if (!call_enter(&call, RT_EV_open, RT_FAMILY_file, (__u32)-1)) \
			return real_##name args;                               \
		return open_leave(&call, real_##name args, path);              \
	}

/* The mode is there only where a file may be made. */
#define OPEN_MODE(flags, mode)                                             \
	do {                                                               \
		if ((flags)&O_CREAT || ((flags)&O_TMPFILE) == O_TMPFILE) { \
			va_list list;                                      \
                                                                           \
			va_start(list, flags);                             \
			mode = va_arg(list, mode_t);                       \
			va_end(list);                                      \
		}                                                          \
	} while (0)

#define OPEN(name)                                                                         \
	RECORD_OPEN(name, (const char *path, int flags, mode_t mode), (path, flags, mode)) \
	int name(const char *path, int flags, ...)                                         \
	{                                                                                  \
		mode_t mode = 0;                                                           \
                                                                                           \
		OPEN_MODE(flags, mode);                                                    \
		if (region_off())                                                          \
			return real_##name(path, flags, mode);                             \
		return record_##name(path, flags, mode);                                   \
	}

#define OPENAT(name)                                                           \
	RECORD_OPEN(name, (int dir, const char *path, int flags, mode_t mode), \
		(dir, path, flags, mode))                                      \
	int name(int dir, const char *path, int flags, ...)                    \
	{                                                                      \
		mode_t mode = 0;                                               \
                                                                               \
		OPEN_MODE(flags, mode);                                        \
		if (region_off())                                              \
			return real_##name(dir, path, flags, mode);            \
		return record_##name(dir, path, flags, mode);                  \
	}

#define OPEN_PLAIN(name, params, args)  \
	RECORD_OPEN(name, params, args) \
	ENTRY(int, name, params, args)

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
OPEN_PLAIN(creat, (const char *path, mode_t mode), (path, mode))
OPEN_PLAIN(creat64, (const char *path, mode_t mode), (path, mode))
OPEN_PLAIN(__open_2, (const char *path, int flags), (path, flags))
OPEN_PLAIN(__open64_2, (const char *path, int flags), (path, flags))
OPEN_PLAIN(__openat_2, (int dir, const char *path, int flags), (dir, path, flags))
OPEN_PLAIN(__openat64_2, (int dir, const char *path, int flags), (dir, path, flags))

#define FD(event, type, name, params, args) RECORD(file, event, type, name, params, args, (__u32)fd)

RECORD_MOVE(file, read, read, (int fd, void *data, size_t size), (fd, data, size),
	payload_leaves(&call, fd, PAYLOAD_IN, data, result),
	payload_moved(fd, PAYLOAD_IN, data, result, 0))
RECORD_MOVE(file, read, __read_chk, (int fd, void *data, size_t size, size_t room),
	(fd, data, size, room), payload_leaves(&call, fd, PAYLOAD_IN, data, result),
	payload_moved(fd, PAYLOAD_IN, data, result, 0))
FD(pread, ssize_t, pread, (int fd, void *data, size_t size, off_t offset), (fd, data, size, offset))
FD(pread, ssize_t, pread64, (int fd, void *data, size_t size, off64_t offset),
	(fd, data, size, offset))
FD(pread, ssize_t, __pread_chk, (int fd, void *data, size_t size, off_t offset, size_t room),
	(fd, data, size, offset, room))
FD(pread, ssize_t, __pread64_chk, (int fd, void *data, size_t size, off64_t offset, size_t room),
	(fd, data, size, offset, room))
RECORD_MOVE(file, readv, readv, (int fd, const struct iovec *parts, int count), (fd, parts, count),
	payload_leavesv(&call, fd, PAYLOAD_IN, parts, result),
	payload_movedv(fd, PAYLOAD_IN, parts, (size_t)count, result, 0))
FD(preadv, ssize_t, preadv, (int fd, const struct iovec *parts, int count, off_t offset),
	(fd, parts, count, offset))
FD(preadv, ssize_t, preadv64, (int fd, const struct iovec *parts, int count, off64_t offset),
	(fd, parts, count, offset))
FD(preadv, ssize_t, preadv2,
	(int fd, const struct iovec *parts, int count, off_t offset, int flags),
	(fd, parts, count, offset, flags))
FD(preadv, ssize_t, preadv64v2,
	(int fd, const struct iovec *parts, int count, off64_t offset, int flags),
	(fd, parts, count, offset, flags))
RECORD_MOVE_HALF(file, write, write, (int fd, const void *data, size_t size), (fd, data, size),
	payload_leaves(&call, fd, PAYLOAD_OUT, data, result),
	payload_moved(fd, PAYLOAD_OUT, data, result, call.start))

ssize_t write(int fd, const void *data, size_t size)
{
	if (message_is(fd))
		return message_take((void *)data, size);
	return region_off() ? real_write(fd, data, size) : record_write(fd, data, size);
}

FD(pwrite, ssize_t, pwrite, (int fd, const void *data, size_t size, off_t offset),
	(fd, data, size, offset))
FD(pwrite, ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t offset),
	(fd, data, size, offset))
RECORD_MOVE(file, writev, writev, (int fd, const struct iovec *parts, int count),
	(fd, parts, count), payload_leavesv(&call, fd, PAYLOAD_OUT, parts, result),
	payload_movedv(fd, PAYLOAD_OUT, parts, (size_t)count, result, call.start))
FD(pwritev, ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t offset),
	(fd, parts, count, offset))
FD(pwritev, ssize_t, pwritev64, (int fd, const struct iovec *parts, int count, off64_t offset),
	(fd, parts, count, offset))
FD(pwritev, ssize_t, pwritev2,
	(int fd, const struct iovec *parts, int count, off_t offset, int flags),
	(fd, parts, count, offset, flags))
FD(pwritev, ssize_t, pwritev64v2,
	(int fd, const struct iovec *parts, int count, off64_t offset, int flags),
	(fd, parts, count, offset, flags))
FD(fsync, int, fsync, (int fd), (fd))
FD(fdatasync, int, fdatasync, (int fd), (fd))
FD(ftruncate, int, ftruncate, (int fd, off_t size), (fd, size))
FD(ftruncate, int, ftruncate64, (int fd, off64_t size), (fd, size))
FD(flock, int, flock, (int fd, int operation), (fd, operation))

/* The number may be somebody else's socket before the call is over. */
static NOINLINE int record_close(int fd)
{
	struct rt_call call;
	struct rt_tcp facts;
	bool is_tcp = payload_is_socket(fd) && endpoint_tcp(fd, &facts);
	struct rt_bytes tail = {.data = &facts, .size = sizeof(facts), .type = RT_TAIL_TCP};
	int result;

	payload_close(fd);
	if (!call_enter(&call, RT_EV_close, RT_FAMILY_file, (__u32)fd))
		return real_close(fd);
	result = real_close(fd);
	if (is_tcp)
		call_leave_tail(&call, (__u32)fd, result_or_errno(result), &tail);
	else
		call_leave(&call, (__u32)fd, result_or_errno(result));
	return result;
}
ENTRY(int, close, (int fd), (fd))

#define TWO(event, type, name, params, args, low, high)                                 \
	RECORD_THEN(file, event, type, name, params, args, pair_of(low, high),          \
		    result_or_errno(result), payload_skipped(out, PAYLOAD_OUT, result); \
		    payload_skipped(in, PAYLOAD_IN, result))

TWO(sendfile, ssize_t, sendfile, (int out, int in, off_t *offset, size_t size),
	(out, in, offset, size), out, in)
TWO(sendfile, ssize_t, sendfile64, (int out, int in, off64_t *offset, size_t size),
	(out, in, offset, size), out, in)
TWO(splice, ssize_t, splice,
	(int in, off64_t *in_at, int out, off64_t *out_at, size_t size, unsigned flags),
	(in, in_at, out, out_at, size, flags), in, out)
TWO(copy_file_range, ssize_t, copy_file_range,
	(int in, off64_t *in_at, int out, off64_t *out_at, size_t size, unsigned flags),
	(in, in_at, out, out_at, size, flags), in, out)
#define DUP(name, params, args)                                                                   \
	RECORD_THEN(file, dup, int, name, params, args, pair_of(fd, to), result_or_errno(result), \
		payload_shared(fd, result))

DUP(dup2, (int fd, int to), (fd, to))
DUP(dup3, (int fd, int to, int flags), (fd, to, flags))

static NOINLINE int record_dup(int fd)
{
	struct rt_call call;
	int made;

	if (!call_enter(&call, RT_EV_dup, RT_FAMILY_file, pair_of(fd, -1)))
		return real_dup(fd);
	made = real_dup(fd);
	call_leave(&call, pair_of(fd, made), result_or_errno(made));
	payload_shared(fd, made);
	return made;
}
ENTRY(int, dup, (int fd), (fd))

RECORD(file, rename, int, rename, (const char *from, const char *to), (from, to), 0)
RECORD(file, rename, int, renameat, (int from_dir, const char *from, int to_dir, const char *to),
	(from_dir, from, to_dir, to), 0)
RECORD(file, rename, int, renameat2,
	(int from_dir, const char *from, int to_dir, const char *to, unsigned flags),
	(from_dir, from, to_dir, to, flags), 0)
RECORD(file, unlink, int, unlink, (const char *path), (path), 0)
RECORD(file, unlink, int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags), 0)
RECORD(file, mkdir, int, mkdir, (const char *path, mode_t mode), (path, mode), 0)
RECORD(file, mkdir, int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), 0)
RECORD(file, msync, int, msync, (void *at, size_t size, int flags), (at, size, flags), size)

#define PIPE(name, params, args)                                                                 \
	static NOINLINE int record_##name params                                                 \
	{                                                                                        \
		struct rt_call call;                                                             \
		int result;                                                                      \
                                                                                                 \
		if (!call_enter(&call, RT_EV_pipe, RT_FAMILY_file, 0))                           \
			return real_##name args;                                                 \
		result = real_##name args;                                                       \
		call_leave(                                                                      \
			&call, result ? 0 : pair_of(ends[0], ends[1]), result_or_errno(result)); \
		if (!result) {                                                                   \
			payload_pipe(ends[0]);                                                   \
			payload_pipe(ends[1]);                                                   \
		}                                                                                \
		return result;                                                                   \
	}                                                                                        \
	ENTRY(int, name, params, args)

PIPE(pipe, (int ends[2]), (ends))
PIPE(pipe2, (int ends[2], int flags), (ends, flags))

/* Where files are mapped; a mapping for which there is no room is not seen being unmapped. */
static uintptr_t mappings[MAPPINGS];

static uintptr_t *mapping_place(uintptr_t at, unsigned probe)
{
	return &mappings[((at >> 12 ^ at >> 22) + probe) % MAPPINGS];
}

static bool mapping_replace(uintptr_t at, uintptr_t from, uintptr_t to)
{
	for (unsigned probe = 0; probe < MAPPING_PROBES; probe++) {
		uintptr_t seen = from;

		if (__atomic_compare_exchange_n(mapping_place(at, probe), &seen, to, false,
			    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

static NOINLINE void *mmap_leave(const struct rt_call *call, void *at, size_t size, int fd)
{
	bool failed = at == MAP_FAILED;

	if (!failed)
		mapping_replace((uintptr_t)at, 0, (uintptr_t)at);
	call_leave(call, (__u32)fd, failed ? -(__s64)*__errno_location() : (__s64)size);
	return at;
}

#define MMAP(name, offset_type)                                                              \
	void *name(void *at, size_t size, int access, int flags, int fd, offset_type offset) \
	{                                                                                    \
		struct rt_call call;                                                         \
                                                                                             \
		if (region_off() || fd < 0 || flags & MAP_ANONYMOUS ||                       \
			!call_enter(&call, RT_EV_mmap, RT_FAMILY_file, (__u32)fd))           \
			return real_##name(at, size, access, flags, fd, offset);             \
		return mmap_leave(                                                           \
			&call, real_##name(at, size, access, flags, fd, offset), size, fd);  \
	}

MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

static NOINLINE int record_munmap(void *at, size_t size)
{
	struct rt_call call;
	int result;

	if (!mapping_replace((uintptr_t)at, (uintptr_t)at, 0) ||
		!call_enter(&call, RT_EV_munmap, RT_FAMILY_file, size))
		return real_munmap(at, size);
	result = real_munmap(at, size);
	call_leave(&call, size, result_or_errno(result));
	return result;
}
ENTRY(int, munmap, (void *at, size_t size), (at, size))
