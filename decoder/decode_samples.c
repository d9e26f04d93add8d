/* SPDX-License-Identifier: Apache-2.0 */
/* Samples: a block's places in code become those of the run, each once in the place that called it.
 */
#include <stdlib.h>
#include <string.h>

#include "decoder/decode_state.h"

/* Beyond this many, a sample stands for the innermost place that is known. */
#define FRAMES_MAX (1u << 18)

static uint64_t mix_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 1099511628211ull;
	return hash * 0x9e3779b97f4a7c15ull;
}

static int64_t add_frame(struct decode *decode, const Ragtime__Raw__Frame *raw, int64_t caller)
{
	const char *name = trace_text(&decode->batch, raw->name);
	const char *module = trace_text(&decode->batch, raw->module);
	uint64_t hash = mix_text(mix_text((uint64_t)caller + 1, name), module) ^
		(uint64_t)raw->line << 8 ^ raw->language;
	uint64_t *place = map_find(&decode->frames, hash);

	if (place)
		return (int64_t)*place;
	if (decode->frames.count >= FRAMES_MAX)
		return caller;
	place = map_at(&decode->frames, hash);
	if (!place) {
		decode->failed = true;
		return caller;
	}
	*place = (uint64_t)decode->frame_base + decode->frames.count;

	struct value row[] = {
		value_int((int64_t)*place),
		value_known(caller),
		value_int(raw->language),
		value_text(name),
		value_text(module),
		value_known(raw->line),
	};
	store_put(decode->store, STORE_FRAME, row);
	return (int64_t)*place;
}

static void take_sample(struct decode *decode, const Ragtime__Raw__Sample *raw,
	const int64_t *frames, size_t frame_count)
{
	const struct thread *thread = actors_find_thread(&decode->actors, raw->thread);

	if (!thread)
		return;

	struct value row[] = {
		value_int(thread->row),
		value_known(raw->frame <= frame_count ? frames[raw->frame] : 0),
		value_int((int64_t)clock_align_ns(&decode->clock, raw->ticks)),
		value_int((int64_t)raw->weight_ns),
		value_int(raw->of),
	};
	store_put(decode->store, STORE_SAMPLE, row);
}

void decode_samples(struct decode *decode)
{
	const Ragtime__Raw__Batch *tables = decode->batch.tables;
	int64_t *frames = calloc(tables->n_frames + 1, sizeof(*frames));

	if (!frames) {
		decode->failed = true;
		return;
	}
	for (size_t i = 0; i < tables->n_frames; i++) {
		const Ragtime__Raw__Frame *raw = tables->frames[i];

		frames[i + 1] = add_frame(decode, raw, raw->caller <= i ? frames[raw->caller] : 0);
	}
	for (size_t i = 0; i < tables->n_samples; i++)
		take_sample(decode, tables->samples[i], frames, tables->n_frames);
	free(frames);
}
