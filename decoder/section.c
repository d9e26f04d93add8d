/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void sections_free(struct sections *sections)
{
	free(sections->sections);
	free(sections->calls);
	memset(sections, 0, sizeof(*sections));
}

static int make_room(struct sections *sections, const Ragtime__Raw__Batch *tables)
{
	size_t calls = 0;

	for (size_t i = 0; i < tables->n_calls; i++)
		calls += tables->calls[i]->count;
	if (tables->n_calls > sections->capacity) {
		free(sections->sections);
		sections->sections = calloc(tables->n_calls, sizeof(*sections->sections));
		sections->capacity = sections->sections ? tables->n_calls : 0;
	}
	if (calls > sections->call_capacity) {
		free(sections->calls);
		sections->calls = calloc(calls, sizeof(*sections->calls));
		sections->call_capacity = sections->calls ? calls : 0;
	}
	return tables->n_calls > sections->capacity || calls > sections->call_capacity ? -ENOMEM
										       : 0;
}

static size_t decode_one(const Ragtime__Raw__Calls *raw, struct section_call *out)
{
	struct calls_cursor cursor;
	struct call call;
	size_t count = 0;

	calls_start(&cursor, raw);
	while (calls_next(&cursor, &call)) {
		out[count++] = (struct section_call){
			.start = call.start,
			.end = call.start + call.duration,
			.arg = call.arg,
			.result = call.result,
			.kind = call.kind,
			.first_note = (uint32_t)(call.notes - raw->notes),
			.note_count = (uint16_t)call.note_count,
			.depth = (uint8_t)call.depth,
		};
	}
	return count;
}

/* What came by another way than the thread's other calls may have come later than they. */
static void sort_by_time(struct section_call *calls, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct section_call call = calls[i];
		size_t place = i;

		if (!rt_is_by_time(call.kind))
			continue;
		while (place && calls[place - 1].end > call.end)
			place--;
		memmove(&calls[place + 1], &calls[place], (i - place) * sizeof(call));
		calls[place] = call;
	}
}

int sections_decode(struct sections *sections, const struct trace_batch *batch)
{
	const Ragtime__Raw__Batch *tables = batch->tables;

	sections->count = 0;
	sections->call_count = 0;
	if (make_room(sections, tables))
		return -ENOMEM;
	for (size_t i = 0; i < tables->n_calls; i++) {
		const Ragtime__Raw__Calls *raw = tables->calls[i];
		struct section *section = &sections->sections[sections->count++];

		*section = (struct section){
			.thread = raw->thread,
			.weight = calls_weight(raw),
			.unit = 1ull << raw->tick_shift,
			.first = sections->call_count,
			.raw = raw,
		};
		section->count = decode_one(raw, sections->calls + section->first);
		sort_by_time(sections->calls + section->first, section->count);
		sections->call_count += section->count;
	}
	return 0;
}

const char *section_text(const struct trace_batch *batch, const struct section *section,
	const struct section_call *call, uint32_t type, size_t *size)
{
	for (uint32_t i = 0; i < call->note_count; i++) {
		const Ragtime__Raw__Note *note = section->raw->notes[call->first_note + i];

		if (note->type != type)
			continue;
		*size = trace_text_size(batch, note->text);
		return trace_text(batch, note->text);
	}
	*size = 0;
	return NULL;
}
