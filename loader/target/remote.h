/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls made in another process, on a thread of it that is stopped in a wait. <sys/ptrace.h> lives
 * behind this.
 */
#ifndef LOADER_TARGET_REMOTE_H
#define LOADER_TARGET_REMOTE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct remote;

/*
 * Stops a thread that waits in a system call and holds nothing: events, time, a connection, a
 * condition; not a lock. Tries for `patience_ns`. NULL with errno set: EAGAIN where no thread was
 * ever in such a wait.
 */
struct remote *remote_stop(pid_t pid, uint64_t patience_ns);

/* The thread goes on as if nothing had been; signals that came meanwhile are sent to it again. */
void remote_resume(struct remote *remote);

/* f(arguments) there. 0, or -errno where the call itself could not be made or did not return. */
int remote_call(
	struct remote *remote, uint64_t function, const uint64_t arguments[6], uint64_t *result);

int remote_read(pid_t pid, uint64_t address, void *to, size_t size);
int remote_write(pid_t pid, uint64_t address, const void *from, size_t size);

#endif
