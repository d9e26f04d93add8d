/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on their way out. */
#include "analysis/output.h"

#include <errno.h>
#include <unistd.h>

#define ENOUGH 65536

static void write_all(struct output *out)
{
	size_t done = 0;

	if (out->bytes.failed && !out->error)
		out->error = -ENOMEM;
	while (done < out->bytes.size && !out->error) {
		ssize_t put = write(out->fd, out->bytes.data + done, out->bytes.size - done);

		if (put > 0)
			done += (size_t)put;
		else if (put < 0 && errno != EINTR)
			out->error = -errno;
	}
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
	return out->error;
}
