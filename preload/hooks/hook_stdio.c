/* SPDX-License-Identifier: Apache-2.0 */
/* Files by stream and folders. What stdio does inside libc passes no hook: these calls hold it. */
#include "preload/hooks/hook.h"

#pragma weak fileno_unlocked

static NOINLINE __u32 stream_fd(FILE *stream)
{
	int *error = __errno_location(), before = *error, fd = -1;

	if (fileno_unlocked)
		fd = fileno_unlocked(stream);
	*error = before;
	return (__u32)fd;
}

#define OPEN_STREAM(name)                                                              \
	static NOINLINE FILE *record_##name(const char *path, const char *mode)        \
	{                                                                              \
		struct rt_call call;                                                   \
		struct rt_bytes tail;                                                  \
		__s64 result;                                                          \
		FILE *stream;                                                          \
                                                                                       \
		if (!call_enter(&call, RT_EV_fopen, RT_FAMILY_file, (__u32)-1))        \
			return real_##name(path, mode);                                \
		stream = real_##name(path, mode);                                      \
		result = stream ? 0 : -(__s64)*__errno_location();                     \
		call_leave_tail(&call, stream ? stream_fd(stream) : (__u32)-1, result, \
			path_tail(&tail, path, result));                               \
		return stream;                                                         \
	}                                                                              \
	ENTRY(FILE *, name, (const char *path, const char *mode), (path, mode))

OPEN_STREAM(fopen)
OPEN_STREAM(fopen64)

/* The descriptor must be asked for while the stream is there. */
static NOINLINE int record_fclose(FILE *stream)
{
	__u32 fd = stream_fd(stream);
	struct rt_call call;
	int result;

	payload_close((int)fd);
	if (!call_enter(&call, RT_EV_fclose, RT_FAMILY_file, fd))
		return real_fclose(stream);
	result = real_fclose(stream);
	call_leave(&call, fd, result_or_errno(result));
	return result;
}
ENTRY(int, fclose, (FILE * stream), (stream))

RECORD(file, fflush, int, fflush, (FILE * stream), (stream), stream ? stream_fd(stream) : (__u32)-1)
RECORD_AS(file, fread, size_t, fread, (void *data, size_t size, size_t count, FILE *stream),
	(data, size, count, stream), stream_fd(stream), (__s64)(result *size))
RECORD_AS(file, fread, size_t, __fread_chk,
	(void *data, size_t room, size_t size, size_t count, FILE *stream),
	(data, room, size, count, stream), stream_fd(stream), (__s64)(result *size))
RECORD_AS(file, fwrite, size_t, fwrite, (const void *data, size_t size, size_t count, FILE *stream),
	(data, size, count, stream), stream_fd(stream), (__s64)(result *size))

static NOINLINE DIR *record_opendir(const char *path)
{
	struct rt_bytes tail;
	struct rt_call call;
	__s64 result;
	DIR *folder;

	if (!call_enter(&call, RT_EV_opendir, RT_FAMILY_file, 0))
		return real_opendir(path);
	folder = real_opendir(path);
	result = folder ? 0 : -(__s64)*__errno_location();
	call_leave_tail(&call, 0, result, path_tail(&tail, path, result));
	return folder;
}
ENTRY(DIR *, opendir, (const char *path), (path))

RECORD_AS(file, readdir, struct dirent *, readdir, (DIR * folder), (folder), 0, result != NULL)
RECORD_AS(file, readdir, struct dirent64 *, readdir64, (DIR * folder), (folder), 0, result != NULL)
