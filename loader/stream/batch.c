/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const size_t row_sizes[TABLE_COUNT] = {
	[TABLE_CLOCK] = sizeof(Ragtime__Raw__Clock),
	[TABLE_PROCESS] = sizeof(Ragtime__Raw__Process),
	[TABLE_THREAD] = sizeof(Ragtime__Raw__Thread),
	[TABLE_OPERATION] = sizeof(Ragtime__Raw__Operation),
	[TABLE_LOSS] = sizeof(Ragtime__Raw__Loss),
	[TABLE_COUNTER] = sizeof(Ragtime__Raw__Counter),
	[TABLE_OPEN] = sizeof(Ragtime__Raw__OpenCall),
	[TABLE_METRIC] = sizeof(Ragtime__Raw__Metric),
	[TABLE_USAGE] = sizeof(Ragtime__Raw__Usage),
	[TABLE_LIMIT] = sizeof(Ragtime__Raw__Limit),
	[TABLE_EXCHANGE] = sizeof(Ragtime__Raw__Exchange),
	[TABLE_FACT] = sizeof(Ragtime__Raw__Fact),
	[TABLE_LINK] = sizeof(Ragtime__Raw__Link),
	[TABLE_COUNTED] = sizeof(Ragtime__Raw__Counted),
	[TABLE_RUNTIME] = sizeof(Ragtime__Raw__Runtime),
	[TABLE_TOLD] = sizeof(Ragtime__Raw__Told),
	[TABLE_FRAME] = sizeof(Ragtime__Raw__Frame),
	[TABLE_SAMPLE] = sizeof(Ragtime__Raw__Sample),
};

static int rows_add(struct rows *rows, const void *item, size_t size)
{
	if (rows->count == rows->capacity) {
		size_t capacity = rows->capacity ? rows->capacity * 2 : 16;
		void *items = realloc(rows->items, capacity * size);

		if (!items) {
			rows->failed = true;
			return -ENOMEM;
		}
		rows->items = items;
		rows->capacity = capacity;
	}
	memcpy((char *)rows->items + rows->count++ * size, item, size);
	return 0;
}

int batch_init(struct batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	batch->strings = strtab_new();
	if (!batch->strings)
		return -ENOMEM;
	batch_clear(batch);
	return 0;
}

void batch_free(struct batch *batch)
{
	strtab_free(batch->strings);
	for (int i = 0; i < TABLE_COUNT; i++)
		free(batch->tables[i].items);
	for (size_t i = 0; i < batch->section_capacity; i++) {
		columns_free(&batch->sections[i]->columns);
		free(batch->sections[i]->notes.items);
		free(batch->sections[i]);
	}
	free(batch->sections);
}

void batch_clear(struct batch *batch)
{
	strtab_clear(batch->strings);
	batch->text_bytes = 0;
	for (int i = 0; i < TABLE_COUNT; i++) {
		batch->tables[i].count = 0;
		batch->tables[i].failed = false;
	}
	batch->section_count = 0;
	batch->entries = 0;
	batch->calls = 0;
	batch->first_ticks = UINT64_MAX;
	batch->last_ticks = 0;
	batch->start = NULL;
	batch->end = NULL;
}

uint32_t batch_text(struct batch *batch, const void *bytes, size_t size)
{
	batch->text_bytes += size;
	return strtab_add(batch->strings, bytes, size);
}

static int add_section(struct batch *batch)
{
	size_t capacity = batch->section_capacity + 1;
	struct section **sections = realloc(batch->sections, capacity * sizeof(struct section *));

	if (!sections)
		return -ENOMEM;
	batch->sections = sections;
	sections[capacity - 1] = calloc(1, sizeof(struct section));
	if (!sections[capacity - 1])
		return -ENOMEM;
	batch->section_capacity = capacity;
	return 0;
}

struct section *batch_section(struct batch *batch, uint32_t thread, uint32_t weight)
{
	struct section *section;

	if (batch->section_count == batch->section_capacity && add_section(batch))
		return NULL;
	section = batch->sections[batch->section_count++];
	section->thread = thread;
	section->weight = weight;
	section->checked = 0;
	section->notes.count = 0;
	return section;
}

void batch_row(struct batch *batch, enum table table, const void *message)
{
	rows_add(&batch->tables[table], message, row_sizes[table]);
}

int section_note(struct section *section, const Ragtime__Raw__Note *note)
{
	return rows_add(&section->notes, note, sizeof(*note));
}

bool batch_is_empty(const struct batch *batch)
{
	for (int i = TABLE_CLOCK + 1; i < TABLE_COUNT; i++) {
		if (batch->tables[i].count)
			return false;
	}
	return !batch->section_count && !batch->end;
}

/* protobuf-c wants repeated messages as an array of pointers, taken from `pool` here. */
static void **point_to(void ***pool, const struct rows *rows, size_t size)
{
	void **pointers = *pool;

	for (size_t i = 0; i < rows->count; i++)
		pointers[i] = (char *)rows->items + i * size;
	*pool += rows->count;
	return pointers;
}

static void fill_calls(
	Ragtime__Raw__Calls *message, const struct section *section, void ***pointers)
{
	const struct columns *columns = &section->columns;

	ragtime__raw__calls__init(message);
	message->thread = section->thread;
	message->count = columns->count;
	message->base_ticks = columns->base_ticks;
	message->tick_shift = columns->tick_shift;
	message->weight = section->weight > 1 ? section->weight : 0;
#define FILL(name, which)                                          \
	message->name.data = columns->column[COLUMN_##which].data; \
	message->name.len = columns->column[COLUMN_##which].size
	FILL(kind, KIND);
	FILL(start, START);
	FILL(duration, DURATION);
	FILL(arg, ARG);
	FILL(result, RESULT);
	if (columns->depths) {
		FILL(depth, DEPTH);
	}
#undef FILL
	message->n_notes = section->notes.count;
	message->notes = (Ragtime__Raw__Note **)point_to(
		pointers, &section->notes, sizeof(Ragtime__Raw__Note));
}

struct parts {
	Ragtime__Raw__Batch message;
	Ragtime__Raw__Calls *calls;
	ProtobufCBinaryData *strings;
	void **pointers;
};

static int allocate(struct parts *parts, const struct batch *batch)
{
	size_t pointers = batch->section_count;

	for (int i = 0; i < TABLE_COUNT; i++)
		pointers += batch->tables[i].count;
	for (size_t i = 0; i < batch->section_count; i++)
		pointers += batch->sections[i]->notes.count;
	parts->calls = calloc(batch->section_count + 1, sizeof(*parts->calls));
	parts->strings = calloc(strtab_count(batch->strings), sizeof(*parts->strings));
	parts->pointers = calloc(pointers + 1, sizeof(*parts->pointers));
	return parts->calls && parts->strings && parts->pointers ? 0 : -ENOMEM;
}

static void fill(struct parts *parts, const struct batch *batch)
{
	Ragtime__Raw__Batch *message = &parts->message;
	void **next = parts->pointers;

	message->n_strings = strtab_count(batch->strings);
	message->strings = parts->strings;
	for (uint32_t i = 0; i < message->n_strings; i++) {
		parts->strings[i].data = (uint8_t *)strtab_get(batch->strings, i);
		parts->strings[i].len = strtab_size(batch->strings, i);
	}
#define FILL(field, table, type)                         \
	message->n_##field = batch->tables[table].count; \
	message->field =                                 \
		(Ragtime__Raw__##type **)point_to(&next, &batch->tables[table], row_sizes[table])
	FILL(clocks, TABLE_CLOCK, Clock);
	FILL(processes, TABLE_PROCESS, Process);
	FILL(threads, TABLE_THREAD, Thread);
	FILL(operations, TABLE_OPERATION, Operation);
	FILL(losses, TABLE_LOSS, Loss);
	FILL(counters, TABLE_COUNTER, Counter);
	FILL(open, TABLE_OPEN, OpenCall);
	FILL(metrics, TABLE_METRIC, Metric);
	FILL(usages, TABLE_USAGE, Usage);
	FILL(limits, TABLE_LIMIT, Limit);
	FILL(exchanges, TABLE_EXCHANGE, Exchange);
	FILL(facts, TABLE_FACT, Fact);
	FILL(links, TABLE_LINK, Link);
	FILL(counted, TABLE_COUNTED, Counted);
	FILL(runtimes, TABLE_RUNTIME, Runtime);
	FILL(told, TABLE_TOLD, Told);
	FILL(frames, TABLE_FRAME, Frame);
	FILL(samples, TABLE_SAMPLE, Sample);
#undef FILL
	message->n_calls = batch->section_count;
	message->calls = (Ragtime__Raw__Calls **)next;
	next += batch->section_count;
	for (size_t i = 0; i < batch->section_count; i++) {
		message->calls[i] = &parts->calls[i];
		fill_calls(&parts->calls[i], batch->sections[i], &next);
	}
	message->start = batch->start;
	message->end = batch->end;
}

int batch_serialise(struct batch *batch, uint32_t sequence, struct buf *out)
{
	struct parts parts = {.message = RAGTIME__RAW__BATCH__INIT};
	int err = allocate(&parts, batch);
	size_t size;

	for (int i = 0; i < TABLE_COUNT; i++)
		err = batch->tables[i].failed ? -ENOMEM : err;
	if (err)
		goto out;
	parts.message.sequence = sequence;
	fill(&parts, batch);
	size = ragtime__raw__batch__get_packed_size(&parts.message);
	buf_clear(out);
	if (buf_reserve(out, size))
		out->size = ragtime__raw__batch__pack(&parts.message, out->data);
	err = out->failed ? -ENOMEM : 0;
out:
	free(parts.calls);
	free(parts.strings);
	free(parts.pointers);
	return err;
}
