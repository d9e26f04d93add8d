/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says of a TCP connection, asked once when it is made and once when it goes: calls
 * that take a hundred times as long as the asking. A process that has put itself under
 * seccomp is not made to ask.
 */
#ifndef PRELOAD_ENDPOINT_H
#define PRELOAD_ENDPOINT_H

#include <sys/socket.h>

#include "preload/emit.h"

/* It is about to: from now on nothing is asked. */
COLD void endpoint_forbid(void);

#define ENDPOINT_ADDRESS 28 /* struct sockaddr_in6, the longest that is told of */

/* Room for the addresses of both ends, one behind the other. */
struct endpoint_pair {
	char bytes[2 * ENDPOINT_ADDRESS];
};

/*
 * Puts the own address of a connected socket behind its peer's, the bytes of `tail`: tail->info
 * says where it begins. Leaves the tail as it is where there is nothing to say.
 */
COLD void endpoint_add_local(int fd, struct rt_bytes *tail, struct endpoint_pair *pair);

/* The own address of a socket as the bytes of `tail`. False where there is nothing to say. */
COLD bool endpoint_local(int fd, struct rt_bytes *tail, struct endpoint_pair *pair);

/* False where fd is no TCP connection. */
COLD bool endpoint_tcp(int fd, struct rt_tcp *facts);

#endif
