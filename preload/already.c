/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/already.h"
#include "preload/payload.h"

#include <fcntl.h>
#include <sys/socket.h>

struct entry {
	__u64 inode, offset;
	__u16 size;
	__u8 type;
	char name[];
};

static void tell(int fd, enum rt_object kind, const void *data, size_t size, unsigned type)
{
	struct rt_bytes tail = {.data = data, .size = (__u32)size, .type = (__u8)type};

	mark_emit(RT_EV_descriptor, (__u32)fd, kind, size ? &tail : NULL);
}

static void tell_socket(int fd)
{
	struct sockaddr_storage address;
	int listens = 0;
	__u32 size = sizeof(listens);

	raw_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, (long)&listens, (long)&size, 0);
	size = sizeof(address);
	if (listens) {
		if (raw3(getsockname, fd, &address, &size))
			size = 0;
		tell(fd, RT_OBJECT_listener, &address, size, RT_TAIL_LOCAL);
		return;
	}
	if (raw3(getpeername, fd, &address, &size))
		size = 0;
	tell(fd, RT_OBJECT_socket, &address, size, RT_TAIL_ADDRESS);
	payload_open(fd);
}

static void tell_link(int fd, const char *link, size_t size)
{
	if (text_after(link, "socket:"))
		tell_socket(fd);
	else if (text_after(link, "pipe:"))
		tell(fd, RT_OBJECT_pipe, NULL, 0, 0);
	else if (text_after(link, "anon_inode:[eventpoll]"))
		tell(fd, RT_OBJECT_epoll, NULL, 0, 0);
	else if (text_after(link, "anon_inode:[eventfd]"))
		tell(fd, RT_OBJECT_eventfd, NULL, 0, 0);
	else if (*link == '/')
		tell(fd, RT_OBJECT_file, link, size, RT_TAIL_PATH);
}

static void tell_entry(int folder, const struct entry *entry)
{
	char link[512];
	long size;
	int fd = 0;

	for (const char *digit = entry->name; *digit; digit++) {
		if (*digit < '0' || *digit > '9')
			return;
		fd = fd * 10 + (*digit - '0');
	}
	if (fd == folder)
		return;
	size = raw4(readlinkat, folder, entry->name, link, sizeof(link) - 1);
	if (size <= 0)
		return;
	link[size] = 0;
	tell_link(fd, link, (size_t)size);
}

void already_open(void)
{
	long folder =
		raw4(openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	__u64 entries[512];
	long size;

	if (folder < 0)
		return;
	while ((size = raw3(getdents64, folder, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < size;) {
			const struct entry *entry = (const void *)((const char *)entries + at);

			tell_entry((int)folder, entry);
			at += entry->size;
		}
	}
	raw1(close, folder);
}

static void tell_received(int fd)
{
	int type = 0;
	__u32 size = sizeof(type);

	if (!raw_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, (long)&type, (long)&size, 0) &&
		type == SOCK_STREAM)
		tell_socket(fd);
}

void already_received(const struct msghdr *message)
{
	const char *at = message->msg_control, *end = at + message->msg_controllen;

	while (end - at >= (ptrdiff_t)sizeof(struct cmsghdr)) {
		const struct cmsghdr *head = (const struct cmsghdr *)at;
		const int *fds = (const int *)CMSG_DATA(head);

		if (head->cmsg_len < CMSG_LEN(0) || head->cmsg_len > (size_t)(end - at))
			return;
		for (size_t i = 0;
			head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
			CMSG_LEN((i + 1) * sizeof(*fds)) <= head->cmsg_len;
			i++)
			tell_received(fds[i]);
		at += CMSG_ALIGN(head->cmsg_len);
	}
}
