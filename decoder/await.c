/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/await.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire/event.h"

#define LOOK_EVERY_NS (50 * 1000000l)

struct awaiting {
	const char *const *patterns;
	size_t count;
	bool wanted[RT_KIND_LIMIT]; /* kinds whose function's name fits */
};

static void learn_names(struct awaiting *awaiting, const struct trace_batch *batch)
{
	for (size_t i = 0; i < batch->tables->n_operations; i++) {
		const Ragtime__Raw__Operation *operation = batch->tables->operations[i];
		const char *name = trace_text(batch, operation->name);
		bool fits = false;

		for (size_t k = 0; k < awaiting->count && !fits; k++)
			fits = !fnmatch(awaiting->patterns[k], name, 0);
		if (operation->kind < RT_KIND_LIMIT)
			awaiting->wanted[operation->kind] = fits;
	}
}

/* A function that is suspended will go on: that was not its end. */
static bool is_over(const struct call *call)
{
	return call->kind < RT_KIND_RUNTIME || !call->result || !(call->arg & RT_SEGMENT_SUSPENDED);
}

static bool holds(const struct awaiting *awaiting, const struct trace_batch *batch)
{
	for (size_t i = 0; i < batch->tables->n_calls; i++) {
		struct calls_cursor cursor;
		struct call call;

		calls_start(&cursor, batch->tables->calls[i]);
		while (calls_next(&cursor, &call)) {
			if (awaiting->wanted[call.kind] && is_over(&call))
				return true;
		}
	}
	return false;
}

static int read_along(struct awaiting *awaiting, struct trace_reader *reader)
{
	const struct timespec pause = {.tv_nsec = LOOK_EVERY_NS};
	struct trace_totals totals;
	struct trace_batch batch;
	int err;

	for (;;) {
		while ((err = trace_reader_next(reader, &batch)) > 0) {
			learn_names(awaiting, &batch);
			if (holds(awaiting, &batch))
				return 1;
		}
		trace_reader_totals(reader, &totals);
		if (err || totals.finished)
			return err;
		nanosleep(&pause, NULL);
	}
}

int await_call(
	const char *path, const char *const *patterns, size_t count, struct trace_error *error)
{
	struct awaiting *awaiting = calloc(1, sizeof(*awaiting));
	struct trace_reader *reader = awaiting ? trace_reader_open(&path, 1, error) : NULL;
	int found = -1;

	if (!awaiting)
		snprintf(error->text, sizeof(error->text), "out of memory");
	if (reader) {
		awaiting->patterns = patterns;
		awaiting->count = count;
		found = read_along(awaiting, reader);
		if (found < 0)
			snprintf(error->text, sizeof(error->text), "reading '%s' ended early: %s",
				path, strerror(-found));
		found = found < 0 ? -1 : found;
	}
	trace_reader_free(reader);
	free(awaiting);
	return found;
}
