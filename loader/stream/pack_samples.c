/* SPDX-License-Identifier: Apache-2.0 */
/* Samples as rows of a Batch: each place in code once, in the place that called it. */
#include <string.h>

#include "loader/stream/pack_state.h"

/* A block has no more samples than this. */
#define SAMPLES_MAX 8192

static uint32_t clean_text(struct pack *pack, enum redact_kind kind, const char *text)
{
	size_t size = strlen(text);
	const char *clean = texts_clean(pack->known.texts, kind, text, size, &size);

	return batch_text(&pack->batch, clean, size);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

void pack_samples_begin(struct pack *pack)
{
	if (pack->batch.tables[TABLE_SAMPLE].count >= SAMPLES_MAX)
		pack_emit(pack);
	if (!pack->batch.tables[TABLE_FRAME].count)
		map_free(&pack->frames);
}

uint32_t pack_frame(struct pack *pack, const struct pack_frame *frame)
{
	Ragtime__Raw__Frame row = RAGTIME__RAW__FRAME__INIT;
	uint64_t key, *place;

	row.caller = frame->caller;
	row.language = frame->language;
	row.name = clean_text(pack, REDACT_NAME, frame->name);
	row.module = clean_text(pack, REDACT_PATH, frame->module);
	row.line = frame->line;
	key = mix(mix(mix(row.caller, row.language), (uint64_t)row.name << 32 | row.module),
		row.line);
	place = map_at(&pack->frames, key);
	if (!place)
		return frame->caller;
	if (!*place) {
		batch_row(&pack->batch, TABLE_FRAME, &row);
		*place = pack->batch.tables[TABLE_FRAME].count;
	}
	return (uint32_t)*place;
}

void pack_sample(struct pack *pack, const struct pack_sample *sample)
{
	Ragtime__Raw__Sample row = RAGTIME__RAW__SAMPLE__INIT;

	known_use_thread(&pack->known, sample->thread);
	row.thread = sample->thread;
	row.frame = sample->frame;
	row.ticks = sample->ticks;
	row.weight_ns = sample->weight_ns;
	row.of = sample->of;
	batch_row(&pack->batch, TABLE_SAMPLE, &row);
}
