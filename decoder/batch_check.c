/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/batch_check.h"

#include <string.h>

#include "lib/cursor.h"
#include "lib/varint.h"
#include "wire/event.h"

#define HIGH_BITS 0x8080808080808080ull

/* A column of varints, looked at eight bytes a time. */
struct shape {
	uint64_t numbers;
	bool complete;	/* the last number is */
	bool long_ones; /* some number has more than one byte */
	bool longer;	/* more than two */
	bool too_long;	/* more than VARINT_MAX */
};

/* `more`: the high bits of eight bytes; run: bytes with a high bit right before them. */
static void look_at(struct shape *shape, uint64_t more, unsigned *run)
{
	uint64_t ends = ~more & HIGH_BITS;

	shape->numbers += (unsigned)__builtin_popcountll(ends);
	shape->long_ones |= more != 0;
	shape->longer |= (more & more << 8) || (*run && more & 0x80);
	if (!ends) {
		*run += 8;
	} else {
		unsigned front = (unsigned)__builtin_ctzll(ends) / 8;

		shape->too_long |= *run + front >= VARINT_MAX;
		*run = (unsigned)__builtin_clzll(ends) / 8;
	}
	shape->too_long |= *run >= VARINT_MAX;
}

static struct shape shape_of(const ProtobufCBinaryData *column)
{
	struct shape shape = {.complete = !column->len || column->data[column->len - 1] < 0x80};
	size_t at = 0;
	unsigned run = 0;

	for (; at + 8 <= column->len; at += 8) {
		uint64_t word;

		memcpy(&word, column->data + at, sizeof(word));
		look_at(&shape, word & HIGH_BITS, &run);
	}
	if (at < column->len) {
		uint64_t word = 0;

		memcpy(&word, column->data + at, column->len - at);
		look_at(&shape, word & HIGH_BITS, &run);
		/* The zeros that filled the word up are no numbers. */
		shape.numbers -= 8 - (column->len - at);
	}
	return shape;
}

static bool all_below(const ProtobufCBinaryData *column, uint64_t limit)
{
	struct cursor cursor = cursor_over(column->data, column->len);

	while (cursor_left(&cursor)) {
		if (cursor_varint(&cursor) >= limit)
			return false;
	}
	return !cursor.bad;
}

static bool holds(const ProtobufCBinaryData *column, uint32_t count)
{
	struct shape shape = shape_of(column);

	return shape.numbers == count && shape.complete && !shape.too_long;
}

static bool kinds_are_sound(const ProtobufCBinaryData *column, uint32_t count)
{
	struct shape shape = shape_of(column);

	if (shape.numbers != count || !shape.complete)
		return false;
	return !shape.longer || all_below(column, RT_KIND_LIMIT);
}

static bool depths_are_sound(const ProtobufCBinaryData *column, uint32_t count)
{
	struct shape shape = shape_of(column);

	if (!column->len)
		return true;
	if (shape.numbers != count || !shape.complete)
		return false;
	return !shape.long_ones || all_below(column, UINT8_MAX + 1);
}

static bool notes_are_sound(const Ragtime__Raw__Calls *section)
{
	uint32_t last = 0;

	for (size_t i = 0; i < section->n_notes; i++) {
		uint32_t call = section->notes[i]->call;

		if (call < last || call >= section->count)
			return false;
		last = call;
	}
	return true;
}

static bool section_is_sound(const Ragtime__Raw__Calls *section)
{
	return section->tick_shift <= 31 && kinds_are_sound(&section->kind, section->count) &&
		holds(&section->start, section->count) &&
		holds(&section->duration, section->count) && holds(&section->arg, section->count) &&
		holds(&section->result, section->count) &&
		depths_are_sound(&section->depth, section->count) && notes_are_sound(section);
}

bool batch_is_sound(const Ragtime__Raw__Batch *batch)
{
	for (size_t i = 0; i < batch->n_calls; i++) {
		if (!section_is_sound(batch->calls[i]))
			return false;
	}
	return true;
}

static uint64_t count_in(void *messages, size_t count)
{
	ProtobufCMessage **message = messages;
	uint64_t fields = 0;

	for (size_t i = 0; i < count; i++)
		fields += message[i]->n_unknown_fields;
	return fields;
}

uint64_t batch_unknown_fields(const Ragtime__Raw__Batch *batch)
{
	uint64_t fields = batch->base.n_unknown_fields;

	fields += count_in(batch->clocks, batch->n_clocks);
	fields += count_in(batch->processes, batch->n_processes);
	fields += count_in(batch->threads, batch->n_threads);
	fields += count_in(batch->operations, batch->n_operations);
	fields += count_in(batch->calls, batch->n_calls);
	for (size_t i = 0; i < batch->n_calls; i++)
		fields += count_in(batch->calls[i]->notes, batch->calls[i]->n_notes);
	fields += count_in(batch->losses, batch->n_losses);
	fields += count_in(batch->counters, batch->n_counters);
	fields += count_in(batch->open, batch->n_open);
	fields += count_in(batch->metrics, batch->n_metrics);
	fields += count_in(batch->usages, batch->n_usages);
	fields += count_in(batch->limits, batch->n_limits);
	fields += count_in(batch->links, batch->n_links);
	fields += count_in(batch->counted, batch->n_counted);
	fields += count_in(batch->runtimes, batch->n_runtimes);
	fields += count_in(batch->told, batch->n_told);
	fields += count_in(batch->frames, batch->n_frames);
	fields += count_in(batch->samples, batch->n_samples);
	fields += batch->start ? batch->start->base.n_unknown_fields : 0;
	fields += batch->end ? batch->end->base.n_unknown_fields : 0;
	return fields;
}
