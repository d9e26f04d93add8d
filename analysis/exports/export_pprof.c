/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gzipped protobuf of pprof: calls and wall time of each distinct stack. Several runs become
 * one profile. Numbers of fields are those of profile.proto.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/exports/exporter.h"
#include "analysis/exports/stacks.h"
#include "lib/gzip.h"
#include "lib/pb.h"
#include "lib/strtab.h"

enum profile_field {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME = 9,
	PROFILE_DURATION = 10,
	PROFILE_DEFAULT_TYPE = 14,
};

#define FRAMES_MAX 600

struct profile {
	struct strtab *strings; /* a frame's number is that of its location and function too */
	struct buf bytes;
};

static void put_value_type(struct profile *profile, const char *type, const char *unit)
{
	struct buf inner = {0};

	pb_number(&inner, 1, strtab_adds(profile->strings, type));
	pb_number(&inner, 2, strtab_adds(profile->strings, unit));
	pb_message(&profile->bytes, PROFILE_SAMPLE_TYPE, &inner);
	buf_free(&inner);
}

static void pprof_begin(struct export *export)
{
	struct profile *profile = calloc(1, sizeof(*profile));

	if (profile)
		profile->strings = strtab_new();
	if (!profile || !profile->strings) {
		free(profile);
		return;
	}
	put_value_type(profile, "calls", "count");
	put_value_type(profile, "wall", "nanoseconds");
	pb_number(&profile->bytes, PROFILE_DEFAULT_TYPE, strtab_adds(profile->strings, "wall"));
	export->state = profile;
}

/* Locations go from the innermost outwards. */
static void put_sample(
	struct profile *profile, const struct stack *stack, struct buf *sample, struct buf *packed)
{
	uint32_t numbers[FRAMES_MAX];
	const char *frames = stack->frames, *frame;
	size_t count = 0, size;

	while (count < FRAMES_MAX && (frame = stack_next_frame(&frames, &size)))
		numbers[count++] = strtab_add(profile->strings, frame, size);
	while (count)
		pb_raw(packed, numbers[--count]);
	pb_message(sample, 1, packed);
	pb_raw(packed, stack->calls);
	pb_raw(packed, stack->self_ns);
	pb_message(sample, 2, packed);
	pb_message(&profile->bytes, PROFILE_SAMPLE, sample);
}

static int pprof_run(struct export *export, struct model *model, const struct run *run)
{
	struct profile *profile = export->state;
	struct stacks *stacks = profile ? stacks_of_run(model, run) : NULL;
	struct buf sample = {0}, packed = {0};

	if (!stacks)
		return -ENOMEM;
	for (size_t i = 0; i < stacks_count(stacks); i++) {
		struct stack stack = stacks_get(stacks, i);

		put_sample(profile, &stack, &sample, &packed);
	}
	if (run->has_epoch)
		pb_number(&profile->bytes, PROFILE_TIME, (uint64_t)(run->start_ns + run->epoch_ns));
	pb_number(&profile->bytes, PROFILE_DURATION, (uint64_t)(run->end_ns - run->start_ns));
	stacks_free(stacks);
	buf_free(&sample);
	buf_free(&packed);
	return 0;
}

static void put_tables(struct profile *profile)
{
	struct buf inner = {0}, line = {0};

	for (uint32_t i = 1; i < strtab_count(profile->strings); i++) {
		pb_number(&inner, 1, i);
		pb_number(&inner, 2, i);
		pb_message(&profile->bytes, PROFILE_FUNCTION, &inner);
		pb_number(&inner, 1, i);
		pb_number(&line, 1, i);
		pb_message(&inner, 4, &line);
		pb_message(&profile->bytes, PROFILE_LOCATION, &inner);
	}
	for (uint32_t i = 0; i < strtab_count(profile->strings); i++)
		pb_bytes(&profile->bytes, PROFILE_STRING, strtab_get(profile->strings, i),
			strtab_size(profile->strings, i));
	buf_free(&inner);
	buf_free(&line);
}

static void pprof_end(struct export *export)
{
	struct profile *profile = export->state;

	if (!profile)
		return;
	put_tables(profile);
	if (gzip_put(&export->out.bytes, &profile->bytes) && !export->out.error)
		export->out.error = -ENOMEM;
	strtab_free(profile->strings);
	buf_free(&profile->bytes);
	free(profile);
}

const struct exporter exporter_pprof = {
	.name = "pprof",
	.rows = "none",
	.begin = pprof_begin,
	.run = pprof_run,
	.end = pprof_end,
};
