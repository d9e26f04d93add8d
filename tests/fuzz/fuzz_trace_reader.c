/* SPDX-License-Identifier: Apache-2.0 */
/* A trace as it is; or, where the magic is missing, one Batch, framed here so that it gets in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "decoder/trace_reader.h"
#include "lib/checksum.h"
#include "wire/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t touched; /* so that the walk is not left out */

static void write_framed(int fd, const uint8_t *batch, size_t size)
{
	struct rt_file_header file = {.version = RT_FILE_VERSION, .header_size = sizeof(file)};
	struct rt_block_header block = {.magic = RT_BLOCK_MAGIC, .raw_size = (uint32_t)size};
	size_t room = ZSTD_compressBound(size);
	uint8_t *frame = malloc(room);

	memcpy(file.magic, RT_FILE_MAGIC, sizeof(file.magic));
	block.packed_size = (uint32_t)ZSTD_compress(frame, room, batch, size, 1);
	block.checksum = checksum_of(
		&block, offsetof(struct rt_block_header, checksum), frame, block.packed_size);
	if (write(fd, &file, sizeof(file)) < 0 || write(fd, &block, sizeof(block)) < 0 ||
		write(fd, frame, block.packed_size) < 0)
		abort();
	free(frame);
}

/* Touches every byte that a decoder would. */
static uint64_t walk(const struct trace_batch *batch)
{
	const Ragtime__Raw__Batch *tables = batch->tables;
	uint64_t sum = 0;

	for (uint32_t i = 0; i <= tables->n_strings; i++)
		sum += strlen(trace_text(batch, i)) + trace_text_size(batch, i);
	for (size_t i = 0; i < tables->n_calls; i++) {
		struct calls_cursor cursor;
		struct call call;
		uint32_t count = 0;

		calls_start(&cursor, tables->calls[i]);
		while (calls_next(&cursor, &call)) {
			count++;
			sum += call.start ^ call.duration ^ call.arg ^ (uint64_t)call.result;
			if (call.kind >= RT_KIND_LIMIT || call.depth > UINT8_MAX)
				abort();
			for (uint32_t k = 0; k < call.note_count; k++)
				sum += strlen(trace_text(batch, call.notes[k]->text));
		}
		if (count != tables->calls[i]->count)
			abort();
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct trace_error error;
	struct trace_reader *reader;
	struct trace_batch batch;
	char name[64];
	const char *path = name;
	uint64_t sum = 0;

	if (size >= 8 && !memcmp(data, RT_FILE_MAGIC, 8)) {
		if (write(fd, data, size) != (ssize_t)size)
			abort();
	} else {
		write_framed(fd, data, size);
	}
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	reader = trace_reader_open(&path, 1, &error);
	while (reader && trace_reader_next(reader, &batch) > 0)
		sum += walk(&batch);
	trace_reader_free(reader);
	close(fd);
	touched = sum;
	return 0;
}
