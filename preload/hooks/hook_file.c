/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/hooks/hook.h"

ssize_t read(int fd, void *data, size_t size)
{
	struct rt_call call;
	ssize_t result;

	if (!call_enter(&call, RT_EV_read, RT_FAMILY_file, (__u32)fd))
		return real_read(fd, data, size);
	result = real_read(fd, data, size);
	call_leave(&call, (__u32)fd, result_or_errno(result));
	return result;
}

ssize_t write(int fd, const void *data, size_t size)
{
	struct rt_call call;
	ssize_t result;

	if (!call_enter(&call, RT_EV_write, RT_FAMILY_file, (__u32)fd))
		return real_write(fd, data, size);
	result = real_write(fd, data, size);
	call_leave(&call, (__u32)fd, result_or_errno(result));
	return result;
}
