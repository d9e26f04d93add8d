/* SPDX-License-Identifier: Apache-2.0 */
/* Says known words over a pair of sockets by every call that moves bytes, and some over a pipe. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int ends[2];

static void hear(size_t size)
{
	char data[64];

	if (recv(ends[1], data, sizeof(data), MSG_PEEK) != (ssize_t)size ||
		read(ends[1], data, sizeof(data)) != (ssize_t)size)
		puts("did not hear what was said");
}

int main(void)
{
	struct iovec parts[2] = {{"ef", 2}, {"gh", 2}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	int pipe_ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || pipe(pipe_ends))
		return 1;
	if (write(ends[0], "ab", 2) != 2 || send(ends[0], "cd", 2, 0) != 2 ||
		writev(ends[0], parts, 2) != 4 || sendmsg(ends[0], &message, 0) != 4 ||
		sendto(ends[0], "ij", 2, 0, NULL, 0) != 2 || write(pipe_ends[1], "no", 2) != 2)
		return 1;
	hear(14);
	dup2(pipe_ends[1], ends[0]);
	if (write(ends[0], "never", 5) != 5)
		return 1;
	return 0;
}
