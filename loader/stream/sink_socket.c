/* SPDX-License-Identifier: Apache-2.0 */
/* A trace into a Unix stream socket. */
#include "loader/stream/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX "unix:"

bool sink_is_socket(const char *output)
{
	return !strncmp(output, PREFIX, sizeof(PREFIX) - 1);
}

int sink_socket_open(const char *output)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = output + sizeof(PREFIX) - 1;
	int fd, err;

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		err = -errno;
		close(fd);
		return err;
	}
	/* So that a reader that hangs becomes an error, not a tracer that hangs. */
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}
