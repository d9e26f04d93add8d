/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets by inode: the tables of /proc/PID/net, each network namespace read once. */
#ifndef LOADER_TARGET_PORTS_H
#define LOADER_TARGET_PORTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct ports;

struct ports_socket {
	uint64_t inode;
	bool listens;
	uint16_t local_port; /* 0: none */
	socklen_t peer_size; /* 0: no peer is known */
	union {
		struct sockaddr any;
		struct sockaddr_storage net;
		struct sockaddr_un unix_path; /* of either end: the one that has a name */
	} peer;
};

struct ports *ports_new(void);
void ports_free(struct ports *ports);

/* The socket as process `pid` has it; NULL where its namespace's tables do not name it. With
 * `again`, they are read anew first if it is not there. Valid until the next call. */
const struct ports_socket *ports_find(struct ports *ports, pid_t pid, uint64_t inode, bool again);

#endif
