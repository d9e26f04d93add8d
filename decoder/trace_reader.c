/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/trace_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "decoder/batch_check.h"
#include "decoder/batch_expand.h"
#include "decoder/gaps.h"
#include "decoder/trace_input.h"
#include "lib/checksum.h"
#include "lib/pool.h"

/* What the messages of one block may take once unpacked. */
#define POOL_MAX (256u << 20)
/* Honest blocks beyond 8 MiB do not compress better than 64 to 1. */
#define RAW_FREE (8u << 20)
#define RAW_RATIO 64
/* Bytes that may fail their checksum per byte read, before a file is given up. */
#define FAILED_FREE (1ull << 30)
#define FAILED_RATIO 8

struct trace_reader {
	struct trace_input input;
	struct trace_totals totals;
	struct gaps gaps;
	struct rt_file_header header;
	struct rt_block_header block; /* the one at hand */
	uint32_t part;
	bool scanning; /* the bytes here are not where a block was expected */
	uint64_t failed_bytes;
	uint64_t pending_torn; /* of an incomplete block at the end, as of now */
	ZSTD_DCtx *unpacker;
	uint8_t *raw;
	size_t raw_capacity;
	struct pool pool;
	ProtobufCAllocator allocator;
};

static void *allocate(void *context, size_t size)
{
	return pool_alloc(context, size);
}

static void release(void *context, void *memory)
{
	(void)context;
	(void)memory; /* all at once, with the pool */
}

struct trace_reader *trace_reader_open(
	const char *const *paths, size_t count, struct trace_error *error)
{
	struct trace_reader *reader = calloc(1, sizeof(*reader));
	int err = -ENOMEM;

	if (!reader)
		return NULL;
	reader->input.fd = -1;
	reader->pool.limit = POOL_MAX;
	reader->allocator = (ProtobufCAllocator){allocate, release, &reader->pool};
	reader->unpacker = ZSTD_createDCtx();
	if (reader->unpacker)
		err = trace_input_open(&reader->input, paths, count, error);
	if (err) {
		trace_reader_free(reader);
		errno = -err;
		return NULL;
	}
	reader->header = reader->input.parts[0].header;
	reader->part = reader->header.part;
	reader->totals.parts = 1;
	return reader;
}

int trace_run_of(const char *path, uint8_t run[16], struct trace_error *error)
{
	struct trace_part part = {.path = (char *)path};
	int err = strcmp(path, "-") ? trace_part_look(&part, error) : 0;

	memcpy(run, part.header.run, sizeof(part.header.run));
	return err;
}

void trace_reader_free(struct trace_reader *reader)
{
	if (!reader)
		return;
	trace_input_close(&reader->input);
	ZSTD_freeDCtx(reader->unpacker);
	pool_free(&reader->pool);
	free(reader->raw);
	free(reader);
}

const struct rt_file_header *trace_reader_header(const struct trace_reader *reader)
{
	return &reader->header;
}

const char *trace_damage_name(enum trace_damage damage)
{
	static const char *const names[TRACE_DAMAGES] = {
		[TRACE_CHECKSUM] = "checksum",
		[TRACE_OVERSIZE] = "oversize",
		[TRACE_COMPRESSED] = "compressed",
		[TRACE_MESSAGE] = "message",
		[TRACE_CONTENT] = "content",
	};

	return damage < TRACE_DAMAGES ? names[damage] : "?";
}

enum found {
	FOUND_NOTHING, /* no complete block from here to the end of the part */
	FOUND_BLOCK,
	FOUND_HEADER, /* of a part that follows in the same file or pipe */
};

static bool plausible(const struct rt_block_header *block)
{
	return block->magic == RT_BLOCK_MAGIC && block->packed_size &&
		block->packed_size <= RT_BLOCK_PACKED_MAX && block->raw_size <= RT_BLOCK_RAW_MAX;
}

static bool is_intact(struct trace_reader *reader, const uint8_t *at)
{
	uint64_t sum = checksum_of(at, offsetof(struct rt_block_header, checksum),
		at + sizeof(struct rt_block_header), reader->block.packed_size);

	if (sum != reader->block.checksum)
		reader->failed_bytes += reader->block.packed_size;
	return sum == reader->block.checksum;
}

/* Damage of this kind is made, not suffered: the search would go on for hours. */
static bool is_hopeless(const struct trace_reader *reader)
{
	return reader->failed_bytes > FAILED_FREE + FAILED_RATIO * reader->input.bytes;
}

/* The distance to the next place at or after `from` where a block may begin, or to the end. */
static size_t next_magic(const struct trace_input *input, size_t from)
{
	const uint32_t magic = RT_BLOCK_MAGIC;
	size_t ready = trace_input_ready(input);
	const uint8_t *at;

	if (from >= ready)
		return ready;
	at = memmem(trace_input_at(input) + from, ready - from, &magic, sizeof(magic));
	return at ? (size_t)(at - trace_input_at(input)) : ready;
}

/* What was passed over is counted, once for each interruption. */
static void pass_over(struct trace_reader *reader, size_t size, enum trace_damage damage)
{
	if (!size)
		return;
	if (!reader->scanning)
		reader->totals.damaged[damage]++;
	reader->scanning = true;
	reader->totals.skipped_bytes += size;
	trace_input_skip(&reader->input, size);
}

static bool is_file_header(const struct trace_reader *reader, const uint8_t *at, size_t ready)
{
	return ready >= sizeof(struct rt_file_header) && !trace_header_fault(at, ready) &&
		!memcmp(at + offsetof(struct rt_file_header, run), reader->header.run,
			sizeof(reader->header.run));
}

/*
 * Of a part that has ended with a block begun: is there a whole one behind that beginning, whose
 * size was what is damaged? Where to, or 0.
 */
static size_t find_behind(struct trace_reader *reader)
{
	const struct trace_input *input = &reader->input;
	size_t ready = trace_input_ready(input);

	for (size_t at = next_magic(input, 4); at < ready; at = next_magic(input, at + 4)) {
		if (ready - at < sizeof(reader->block) || is_hopeless(reader))
			break;
		memcpy(&reader->block, trace_input_at(input) + at, sizeof(reader->block));
		if (plausible(&reader->block) &&
			ready - at - sizeof(reader->block) >= reader->block.packed_size &&
			is_intact(reader, trace_input_at(input) + at))
			return at;
	}
	return 0;
}

/* Brings an intact block, or a part's header, to the front of the input. -errno, or enum found. */
static int find_block(struct trace_reader *reader)
{
	struct trace_input *input = &reader->input;

	for (;;) {
		ssize_t ready = trace_input_fill(input, sizeof(struct rt_file_header));
		size_t need, behind;

		if (ready < 0)
			return (int)ready;
		if (is_file_header(reader, trace_input_at(input), (size_t)ready))
			return FOUND_HEADER;
		reader->pending_torn = (uint64_t)ready;
		if ((size_t)ready < sizeof(reader->block))
			return FOUND_NOTHING;
		memcpy(&reader->block, trace_input_at(input), sizeof(reader->block));
		if (reader->block.magic != RT_BLOCK_MAGIC) {
			/* The last bytes may be the beginning of a magic. */
			size_t end = (size_t)ready - (sizeof(uint32_t) - 1);
			size_t size = next_magic(input, 0);

			pass_over(reader, size < end ? size : end, TRACE_CHECKSUM);
			continue;
		}
		if (!plausible(&reader->block)) {
			pass_over(reader, sizeof(uint32_t), TRACE_OVERSIZE);
			continue;
		}
		need = sizeof(reader->block) + reader->block.packed_size;
		ready = trace_input_fill(input, need);
		if (ready < 0)
			return (int)ready;
		if ((size_t)ready < need) {
			behind = find_behind(reader);
			reader->pending_torn = (uint64_t)ready;
			if (!behind)
				return is_hopeless(reader) ? -EBADMSG : FOUND_NOTHING;
			pass_over(reader, behind, TRACE_CHECKSUM);
			continue;
		}
		if (is_intact(reader, trace_input_at(input)))
			return FOUND_BLOCK;
		if (is_hopeless(reader))
			return -EBADMSG;
		pass_over(reader, sizeof(uint32_t), TRACE_CHECKSUM);
	}
}

/* Into reader->raw. */
static bool unpack(struct trace_reader *reader)
{
	const struct rt_block_header *block = &reader->block;
	const uint8_t *frame = trace_input_at(&reader->input) + sizeof(*block);
	size_t size;

	if (reader->raw_capacity < block->raw_size || !reader->raw) {
		uint8_t *raw = realloc(reader->raw, block->raw_size + 1u);

		if (!raw)
			return false;
		reader->raw = raw;
		reader->raw_capacity = block->raw_size;
	}
	size = ZSTD_decompressDCtx(
		reader->unpacker, reader->raw, block->raw_size, frame, block->packed_size);
	return !ZSTD_isError(size) && size == block->raw_size;
}

/* 0, or the damage + 1. */
static int open_block(struct trace_reader *reader, struct trace_batch *batch)
{
	const struct rt_block_header *block = &reader->block;
	Ragtime__Raw__Batch *tables;
	uint64_t entries = 0;

	if (block->raw_size > RAW_FREE && block->raw_size / RAW_RATIO > block->packed_size)
		return TRACE_OVERSIZE + 1;
	if (!unpack(reader))
		return TRACE_COMPRESSED + 1;
	pool_reset(&reader->pool);
	tables = ragtime__raw__batch__unpack(&reader->allocator, block->raw_size, reader->raw);
	if (!tables)
		return TRACE_MESSAGE + 1;
	for (size_t i = 0; i < tables->n_calls; i++)
		entries += tables->calls[i]->count;
	if (!batch_is_sound(tables) || block->calls > entries ||
		tables->sequence != block->sequence)
		return TRACE_CONTENT + 1;
	if (!batch_expand(tables, &reader->pool))
		return TRACE_OVERSIZE + 1;
	*batch = (struct trace_batch){
		.tables = tables,
		.first_ns = block->first_ns,
		.last_ns = block->last_ns,
		.calls = block->calls,
		.sequence = block->sequence,
		.part = reader->part,
		.flags = block->flags,
	};
	return 0;
}

/* The block at the front: 1 handed out, 0 not. */
static int take_block(struct trace_reader *reader, struct trace_batch *batch)
{
	const struct rt_block_header *block = &reader->block;
	struct trace_totals *totals = &reader->totals;
	int damage = open_block(reader, batch);
	enum gaps_verdict verdict;

	trace_input_skip(&reader->input, sizeof(*block) + block->packed_size);
	reader->scanning = false;
	reader->pending_torn = 0;
	if (damage) {
		totals->damaged[damage - 1]++;
		return 0;
	}
	verdict = gaps_take(&reader->gaps, block->sequence);
	if (verdict == GAPS_REPEATED) {
		totals->duplicates++;
		return 0;
	}
	batch->after_loss = verdict == GAPS_JUMP;
	totals->late += verdict == GAPS_LATE;
	totals->blocks++;
	totals->packed_bytes += block->packed_size + sizeof(*block);
	totals->raw_bytes += block->raw_size;
	totals->calls += block->calls;
	totals->finished |= (block->flags & RT_BLOCK_LAST) != 0;
	totals->unknown_fields += batch_unknown_fields(batch->tables);
	return 1;
}

static void begin_part(struct trace_reader *reader, uint32_t number)
{
	reader->part = number;
	reader->totals.parts++;
	reader->scanning = false;
}

/* 1: go on; 0: the end of it all; -errno. */
static int end_part(struct trace_reader *reader)
{
	int err = trace_input_next_part(&reader->input);

	if (err <= 0)
		return err;
	/* What is left of a part that others follow will not be completed any more. */
	reader->totals.torn_bytes += reader->pending_torn;
	reader->pending_torn = 0;
	begin_part(reader, reader->input.parts[reader->input.current].header.part);
	return 1;
}

int trace_reader_next(struct trace_reader *reader, struct trace_batch *batch)
{
	for (;;) {
		int found = find_block(reader);
		struct rt_file_header header;

		if (found < 0)
			return found;
		if (found == FOUND_BLOCK && take_block(reader, batch))
			return 1;
		if (found == FOUND_HEADER) {
			memcpy(&header, trace_input_at(&reader->input), sizeof(header));
			if (trace_input_fill(&reader->input, header.header_size) <
				(ssize_t)header.header_size)
				return 0;
			trace_input_skip(&reader->input, header.header_size);
			begin_part(reader, header.part);
		}
		if (found == FOUND_NOTHING) {
			int more = end_part(reader);

			if (more <= 0)
				return more;
		}
	}
}

const char *trace_text(const struct trace_batch *batch, uint32_t number)
{
	const ProtobufCBinaryData *text;

	if (number >= batch->tables->n_strings)
		return "";
	text = &batch->tables->strings[number];
	/* The pool keeps a zero behind what protobuf-c copied. */
	return text->len ? (const char *)text->data : "";
}

size_t trace_text_size(const struct trace_batch *batch, uint32_t number)
{
	return number < batch->tables->n_strings ? batch->tables->strings[number].len : 0;
}

void trace_reader_totals(const struct trace_reader *reader, struct trace_totals *totals)
{
	*totals = reader->totals;
	totals->bytes = reader->input.bytes;
	totals->missing = reader->gaps.missing;
	totals->torn_bytes += reader->pending_torn;
}

void trace_reader_progress(const struct trace_reader *reader, uint64_t *done, uint64_t *total)
{
	*done = reader->input.bytes;
	*total = 0;
	for (size_t i = 0; i < reader->input.count; i++)
		*total += reader->input.parts[i].size;
}
