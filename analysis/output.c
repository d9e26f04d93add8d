/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on their way out. */
#include "analysis/output.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ENOUGH 65536

int write_fully(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t put = write(fd, bytes, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		bytes += put;
		size -= (size_t)put;
	}
	return 0;
}

int output_open(struct output *out, const char *path)
{
	out->fd = STDOUT_FILENO;
	if (path)
		out->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return out->fd < 0 ? -errno : 0;
}

static void write_all(struct output *out)
{
	if (out->bytes.failed && !out->error)
		out->error = -ENOMEM;
	if (!out->error)
		out->error = write_fully(out->fd, (const char *)out->bytes.data, out->bytes.size);
	buf_clear(&out->bytes);
}

void output_flush(struct output *out)
{
	if (out->bytes.size >= ENOUGH || out->bytes.failed)
		write_all(out);
}

int output_finish(struct output *out)
{
	write_all(out);
	buf_free(&out->bytes);
	if (out->fd != STDOUT_FILENO && close(out->fd) && !out->error)
		out->error = -errno;
	return out->error;
}
