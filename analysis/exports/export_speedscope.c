/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speedscope's own format: for each thread a profile of its stacks, weighted by the time that the
 * innermost call took itself. Nothing is left out, as it would be where calls overlap in time.
 */
#include <errno.h>
#include <string.h>

#include "analysis/exports/exporter.h"
#include "analysis/exports/stacks.h"
#include "lib/strtab.h"
#include "lib/version.h"

static void speedscope_begin(struct export *export)
{
	/* frames are shared by all profiles, and stand behind them */
	export->state = strtab_new();
	export->json = (struct json){.out = &export->out.bytes};
	json_open(&export->json, '{');
	json_member_string(
		&export->json, "$schema", "https://www.speedscope.app/file-format-schema.json");
	json_member_string(&export->json, "exporter", "ragtime " RAGTIME_VERSION);
	json_key(&export->json, "profiles");
	json_open(&export->json, '[');
}

/* The first two frames, program and thread: a profile's name. */
static size_t thread_size(const char *stack)
{
	const char *program_end = strchr(stack, ';');

	return program_end ? (size_t)(program_end - stack) + 1 + strcspn(program_end + 1, ";")
			   : strlen(stack);
}

static bool same_thread(const char *left, const char *right)
{
	size_t size = thread_size(left);

	return size == thread_size(right) && !memcmp(left, right, size);
}

static void put_sample(struct json *json, struct strtab *frames, const char *stack)
{
	const char *frame;
	size_t size;

	json_open(json, '[');
	while ((frame = stack_next_frame(&stack, &size)))
		json_int(json, (int64_t)strtab_add(frames, frame, size) - 1);
	json_close(json, ']');
}

static void put_profile(
	struct export *export, const struct stacks *stacks, size_t first, size_t next)
{
	struct json *json = &export->json;
	const char *stack = stacks_get(stacks, first).frames;
	struct buf name = {0};
	uint64_t total = 0;

	buf_append(&name, stack, thread_size(stack));
	for (size_t i = first; i < next; i++)
		total += stacks_get(stacks, i).self_ns;
	json_open(json, '{');
	json_member_string(json, "type", "sampled");
	json_member_string(json, "name", buf_string(&name));
	json_member_string(json, "unit", "nanoseconds");
	json_member_int(json, "startValue", 0);
	json_member_int(json, "endValue", (int64_t)total);
	json_key(json, "samples");
	json_open(json, '[');
	for (size_t i = first; i < next; i++)
		put_sample(json, export->state, stacks_get(stacks, i).frames);
	json_close(json, ']');
	json_key(json, "weights");
	json_open(json, '[');
	for (size_t i = first; i < next; i++)
		json_int(json, (int64_t)stacks_get(stacks, i).self_ns);
	json_close(json, ']');
	json_close(json, '}');
	output_flush(&export->out);
	buf_free(&name);
}

static int speedscope_run(struct export *export, struct model *model, const struct run *run)
{
	struct stacks *stacks = stacks_of_run(model, run);
	size_t count = stacks ? stacks_count(stacks) : 0;

	for (size_t first = 0, next; first < count && export->state; first = next) {
		const char *stack = stacks_get(stacks, first).frames;

		for (next = first;
			next < count && same_thread(stack, stacks_get(stacks, next).frames);)
			next++;
		put_profile(export, stacks, first, next);
	}
	stacks_free(stacks);
	return stacks && export->state ? 0 : -ENOMEM;
}

static void speedscope_end(struct export *export)
{
	struct strtab *frames = export->state;
	struct json *json = &export->json;

	json_close(json, ']');
	json_key(json, "shared");
	json_open(json, '{');
	json_key(json, "frames");
	json_open(json, '[');
	for (uint32_t i = 1; frames && i < strtab_count(frames); i++) {
		json_open(json, '{');
		json_member_string(json, "name", strtab_get(frames, i));
		json_close(json, '}');
		output_flush(&export->out);
	}
	json_close(json, ']');
	json_close(json, '}');
	json_close(json, '}');
	buf_puts(&export->out.bytes, "\n");
	strtab_free(frames);
}

const struct exporter exporter_speedscope = {
	.name = "speedscope",
	.rows = "none",
	.begin = speedscope_begin,
	.run = speedscope_run,
	.end = speedscope_end,
};
