/* SPDX-License-Identifier: Apache-2.0 */
/* The list of views, and the way out. */
#include "analysis/views/view.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ENOUGH 65536

#define VIEW(name) extern const struct view view_##name;
#include "analysis/views/views.def"
#undef VIEW

static const struct view *const views[] = {
#define VIEW(name) &view_##name,
#include "analysis/views/views.def"
#undef VIEW
};

const struct view *view_find(const char *name)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		if (!strcmp(views[i]->name, name))
			return views[i];
	}
	return NULL;
}

void output_flush(struct output *out, bool all)
{
	size_t done = 0;

	if (!all && out->bytes.size < ENOUGH)
		return;
	if (out->bytes.failed && !out->error)
		out->error = -ENOMEM;
	while (done < out->bytes.size && !out->error) {
		ssize_t put = write(STDOUT_FILENO, out->bytes.data + done, out->bytes.size - done);

		if (put > 0)
			done += (size_t)put;
		else if (put < 0 && errno != EINTR)
			out->error = -errno;
	}
	buf_clear(&out->bytes);
}

int output_finish(struct output *out)
{
	output_flush(out, true);
	buf_free(&out->bytes);
	buf_free(&out->branches);
	return out->error;
}
