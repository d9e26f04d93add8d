/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How `ragtime ctl` reaches a tracer: an abstract Unix socket of packets, by the tracer's PID and
 * by the target's. One packet of text asks, one answers; the tracer closes when it has done what
 * was asked. Both ends check that the other is the same user or root.
 */
#ifndef LOADER_CAPTURE_CTL_SOCKET_H
#define LOADER_CAPTURE_CTL_SOCKET_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CTL_REQUEST_MAX 128
#define CTL_REPLY_MAX 8192
#define CTL_POLLS 3

struct ctl_server {
	int listening[2]; /* -1: none */
	int client;	  /* one at a time */
	uint64_t client_since_ns;
};

/* Answers into `reply`. True: hold the connection until ctl_close. */
typedef int ctl_handler(void *context, const char *request, char *reply, size_t size);

/* Failing is no reason not to trace: what could not be opened is not there. */
void ctl_open(struct ctl_server *server, pid_t tracer, pid_t target);
void ctl_close(struct ctl_server *server);

/* Fills CTL_POLLS entries (fd -1 where there is nothing to wait for). */
void ctl_polls(const struct ctl_server *server, struct pollfd *polls);
void ctl_serve(struct ctl_server *server, uint64_t now_ns, ctl_handler *handler, void *context);

/* The other end: a connected socket, or -errno; -ECONNREFUSED where nobody traces that PID. */
int ctl_connect(pid_t pid);

#endif
