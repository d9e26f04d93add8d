/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that somebody else opened, and the writing that all sinks share. */
#include "loader/stream/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a descriptor that does not block may refuse bytes. */
#define STALL_MS 10000

bool sink_is_pipe(const char *output)
{
	return !strcmp(output, "-") || !strncmp(output, "fd:", 3);
}

int sink_pipe_open(const char *output)
{
	long number = STDOUT_FILENO;
	char *end;
	int fd;

	if (strcmp(output, "-")) {
		number = strtol(output + 3, &end, 10);
		if (end == output + 3 || *end || number < 0 || number > 1 << 20)
			return -EINVAL;
	}
	/* Above the standard three, so that a closed one is not taken by us. */
	fd = fcntl((int)number, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t done = write(fd, bytes, size);

		if (done > 0) {
			bytes += done;
			size -= (size_t)done;
		} else if (done == 0) {
			return -EIO;
		} else if (errno == EAGAIN) {
			struct pollfd ready = {.fd = fd, .events = POLLOUT};

			if (poll(&ready, 1, STALL_MS) == 0)
				return -ETIMEDOUT;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/*
 * SIGPIPE is held back in this thread and, where our own write raised it, taken out of the queue:
 * the process's handling of the signal is not ours to change.
 */
int sink_write(int fd, const void *bytes, size_t size)
{
	const struct timespec now = {0};
	sigset_t pipe_signal, old, pending;
	bool was_pending;
	int err;

	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &old);
	err = write_all(fd, bytes, size);
	if (err == -EPIPE && !was_pending)
		(void)sigtimedwait(&pipe_signal, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}
