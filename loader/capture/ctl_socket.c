/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket, both ends. Nothing here may hold up the drain: all of it is non-blocking. */
#include "loader/capture/ctl_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A client that has connected and says nothing is dropped. */
#define CLIENT_PATIENCE_NS 1000000000ull

static socklen_t make_address(struct sockaddr_un *address, pid_t pid)
{
	int length;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	/* a leading NUL: the abstract name space, which leaves nothing behind */
	length = snprintf(
		address->sun_path + 1, sizeof(address->sun_path) - 1, "ragtime-%d", (int)pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == geteuid() || peer.uid == 0;
}

static int listen_for(pid_t pid)
{
	struct sockaddr_un address;
	socklen_t size = make_address(&address, pid);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 4) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void ctl_open(struct ctl_server *server, pid_t tracer, pid_t target)
{
	server->listening[0] = listen_for(tracer);
	server->listening[1] = listen_for(target);
	server->client = -1;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void ctl_close(struct ctl_server *server)
{
	close_fd(&server->listening[0]);
	close_fd(&server->listening[1]);
	close_fd(&server->client);
}

void ctl_polls(const struct ctl_server *server, struct pollfd *polls)
{
	bool busy = server->client >= 0;

	polls[0] = (struct pollfd){.fd = busy ? -1 : server->listening[0], .events = POLLIN};
	polls[1] = (struct pollfd){.fd = busy ? -1 : server->listening[1], .events = POLLIN};
	polls[2] = (struct pollfd){.fd = server->client, .events = POLLIN};
}

static void accept_client(struct ctl_server *server, uint64_t now_ns)
{
	for (int i = 0; i < 2 && server->client < 0; i++) {
		if (server->listening[i] < 0)
			continue;
		server->client =
			accept4(server->listening[i], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		server->client_since_ns = now_ns;
		if (server->client >= 0 && !is_trusted(server->client))
			close_fd(&server->client);
	}
}

void ctl_serve(struct ctl_server *server, uint64_t now_ns, ctl_handler *handler, void *context)
{
	char request[CTL_REQUEST_MAX], reply[CTL_REPLY_MAX] = "";
	ssize_t size;

	if (server->client < 0)
		accept_client(server, now_ns);
	if (server->client < 0)
		return;
	size = recv(server->client, request, sizeof(request) - 1, MSG_DONTWAIT);
	if (size < 0 && errno == EAGAIN) {
		if (now_ns - server->client_since_ns > CLIENT_PATIENCE_NS)
			close_fd(&server->client);
		return;
	}
	if (size > 0) {
		bool hold;

		request[size] = '\0';
		hold = handler(context, request, reply, sizeof(reply));
		send(server->client, reply, strlen(reply), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (hold)
			return;
	}
	close_fd(&server->client);
}

int ctl_connect(pid_t pid)
{
	struct sockaddr_un address;
	socklen_t size = make_address(&address, pid);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, size) < 0)
		err = -errno;
	else
		err = is_trusted(fd) ? fd : -EACCES;
	if (err < 0)
		close(fd);
	return err;
}
