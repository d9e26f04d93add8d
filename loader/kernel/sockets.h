/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections by the kernel's own name for them, the inode of the socket: which descriptors stand
 * for one, how far its streams have come; and the sessions of TLS libraries that ride on them.
 * Makes data marks of what was copied.
 */
#ifndef LOADER_KERNEL_SOCKETS_H
#define LOADER_KERNEL_SOCKETS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/kernel.h"

struct programs;
struct sockets;
struct task;
struct tasks;

struct sockets *sockets_new(struct tasks *tasks, struct programs *programs);
void sockets_free(struct sockets *sockets);

/* What process `pid` has open already, as descriptor marks. */
void sockets_adopt(struct sockets *sockets, pid_t pid, uint64_t ns);
void sockets_forked(struct sockets *sockets, pid_t parent, pid_t child);
void sockets_ended(struct sockets *sockets, pid_t pid);

/* A new socket, of which the kernel will say more when bytes move. */
void sockets_made(struct sockets *sockets, pid_t pid, int fd);
void sockets_shared(struct sockets *sockets, pid_t pid, int fd, int made);
void sockets_closed(struct sockets *sockets, struct task *task, int fd, uint64_t ns);

/* A call that has moved bytes, or may have. */
struct sockets_call {
	struct task *task;
	uint64_t begin_ns, end_ns;
	uint64_t session; /* of TLS, that it was made in; 0: none */
	int64_t result;
	int fd;
	uint8_t extra; /* enum rk_extra */
};

void sockets_moved(struct sockets *sockets, const struct sockets_call *call,
	const struct rk_note *const *data, size_t count);
/* The same of a TLS library's function. */
void sockets_moved_plain(struct sockets *sockets, const struct sockets_call *call,
	const struct rk_note *const *data, size_t count);
/* The session is known to ride on descriptor `fd`, a socket of that inode. */
void sockets_ride(struct sockets *sockets, const struct sockets_call *call, uint64_t inode);
void sockets_session_ended(
	struct sockets *sockets, struct task *task, uint64_t session, uint64_t ns);

/* The stream has no use for more of this connection: enum rt_steer. True where it is one of ours.
 */
int sockets_steer(struct sockets *sockets, uint32_t number, unsigned steer);

#endif
