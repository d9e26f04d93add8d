/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/net/{tcp,tcp6,unix}. */
#include "loader/target/ports.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/map.h"
#include "loader/target/procfs.h"

#define TCP_LISTEN 10
#define SPACES 64

struct space {
	uint64_t inode;	     /* of the network namespace */
	struct map by_inode; /* to struct ports_socket * */
};

struct ports {
	struct space spaces[SPACES];
	size_t count;
};

struct ports *ports_new(void)
{
	return calloc(1, sizeof(struct ports));
}

static void forget(struct space *space)
{
	for (size_t i = 0; i < space->by_inode.capacity; i++) {
		struct map_entry *entry = &space->by_inode.entries[i];

		if (entry->used)
			free((void *)(uintptr_t)entry->value);
	}
	map_free(&space->by_inode);
}

void ports_free(struct ports *ports)
{
	if (!ports)
		return;
	for (size_t i = 0; i < ports->count; i++)
		forget(&ports->spaces[i]);
	free(ports);
}

static struct ports_socket *add(struct space *space, uint64_t inode)
{
	uint64_t *place = inode ? map_at(&space->by_inode, inode) : NULL;
	struct ports_socket *socket;

	if (!place)
		return NULL;
	if (*place)
		return (struct ports_socket *)(uintptr_t)*place;
	socket = calloc(1, sizeof(*socket));
	if (!socket)
		return NULL;
	socket->inode = inode;
	*place = (uint64_t)(uintptr_t)socket;
	return socket;
}

/* The words of an address as the kernel prints them: each in the machine's order of bytes. */
static bool parse_words(const char *text, unsigned words, uint32_t *out)
{
	for (unsigned i = 0; i < words; i++)
		if (sscanf(text + i * 8, "%8x", &out[i]) != 1)
			return false;
	return true;
}

static void set_peer(struct ports_socket *socket, const char *address, unsigned port, bool six)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&socket->peer.net;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&socket->peer.net;
	uint32_t words[4];

	if (!port || strlen(address) != (six ? 32 : 8) || !parse_words(address, six ? 4 : 1, words))
		return;
	if (six) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		memcpy(&in6->sin6_addr, words, sizeof(words));
		socket->peer_size = sizeof(*in6);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		in->sin_addr.s_addr = words[0];
		socket->peer_size = sizeof(*in);
	}
}

static void take_tcp(struct space *space, const char *line, bool six)
{
	unsigned local_port, peer_port, state;
	unsigned long long inode;
	struct ports_socket *socket;
	char peer[40];

	if (sscanf(line, " %*u: %*39[0-9A-F]:%x %39[0-9A-F]:%x %x %*s %*s %*s %*u %*u %llu",
		    &local_port, peer, &peer_port, &state, &inode) != 5)
		return;
	socket = add(space, inode);
	if (!socket)
		return;
	socket->listens = state == TCP_LISTEN;
	socket->local_port = (uint16_t)local_port;
	if (!socket->listens)
		set_peer(socket, peer, peer_port, six);
}

static void take_unix(struct space *space, const char *line, bool six)
{
	unsigned long long inode;
	unsigned flags;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)] = "";
	struct ports_socket *socket;

	(void)six;
	if (sscanf(line, "%*[^:]: %*x %*x %x %*x %*x %llu %107s", &flags, &inode, path) < 2)
		return;
	socket = add(space, inode);
	if (!socket || !*path)
		return;
	socket->listens = flags & 0x10000; /* __SO_ACCEPTCON */
	socket->peer.unix_path.sun_family = AF_UNIX;
	strcpy(socket->peer.unix_path.sun_path, path);
	if (*path == '@')
		socket->peer.unix_path.sun_path[0] = '\0';
	socket->peer_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

static void read_table(struct space *space, pid_t pid, const char *name,
	void take(struct space *space, const char *line, bool six))
{
	char path[64], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, name);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		take(space, line, !strcmp(name, "tcp6"));
	if (file)
		fclose(file);
}

static void read_space(struct space *space, pid_t pid)
{
	forget(space);
	read_table(space, pid, "tcp", take_tcp);
	read_table(space, pid, "tcp6", take_tcp);
	read_table(space, pid, "unix", take_unix);
}

const struct ports_socket *ports_find(struct ports *ports, pid_t pid, uint64_t inode, bool again)
{
	uint64_t space_inode = procfs_namespace(pid, "net");
	struct space *space = NULL;
	uint64_t *place;

	for (size_t i = 0; i < ports->count && !space; i++)
		if (ports->spaces[i].inode == space_inode)
			space = &ports->spaces[i];
	if (!space) {
		if (!space_inode || ports->count == SPACES)
			return NULL;
		space = &ports->spaces[ports->count++];
		space->inode = space_inode;
		read_space(space, pid);
		again = false;
	}
	place = map_find(&space->by_inode, inode);
	if (!place && again) {
		read_space(space, pid);
		place = map_find(&space->by_inode, inode);
	}
	return place ? (const struct ports_socket *)(uintptr_t)*place : NULL;
}
