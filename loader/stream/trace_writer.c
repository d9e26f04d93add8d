/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/trace_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/checksum.h"
#include "lib/part.h"
#include "loader/stream/sink.h"
#include "wire/frame.h"

#define BLOCK_VERSION 1

struct trace_writer {
	char *output;
	int fd;
	int error;    /* -errno of the first failure, for ever */
	bool is_file; /* a regular one: it can be rotated and shortened */
	bool part_is_empty;
	uint64_t max_size;
	unsigned max_parts;
	uint32_t part;
	uint32_t sequence;
	uint8_t run[16];
	uint64_t part_bytes;
	uint64_t bytes;
	ZSTD_CCtx *compressor;
	uint8_t *frame; /* a block header, then the packed Batch */
	size_t capacity;
};

static int open_sink(const struct trace_writer *writer)
{
	char *path;
	int fd;

	if (sink_is_pipe(writer->output))
		return sink_pipe_open(writer->output);
	if (sink_is_socket(writer->output))
		return sink_socket_open(writer->output);
	path = part_path(writer->output, writer->part);
	if (!path)
		return -ENOMEM;
	fd = sink_file_open(path);
	free(path);
	return fd;
}

static int start_part(struct trace_writer *writer)
{
	struct rt_file_header header = {
		.version = RT_FILE_VERSION,
		.header_size = sizeof(header),
		.part = writer->part,
	};
	struct stat info;
	int fd = open_sink(writer);
	int err;

	if (fd < 0)
		return fd;
	memcpy(header.magic, RT_FILE_MAGIC, sizeof(header.magic));
	memcpy(header.run, writer->run, sizeof(header.run));
	err = sink_write(fd, &header, sizeof(header));
	if (err) {
		close(fd);
		return err;
	}
	if (writer->fd >= 0)
		close(writer->fd);
	writer->fd = fd;
	writer->is_file =
		!fstat(fd, &info) && S_ISREG(info.st_mode) && !sink_is_pipe(writer->output);
	writer->part_bytes = sizeof(header);
	writer->bytes += sizeof(header);
	writer->part_is_empty = true;
	return 0;
}

static int next_part(struct trace_writer *writer)
{
	int err;

	writer->part++;
	err = start_part(writer);
	if (!err && writer->max_parts && writer->part >= writer->max_parts) {
		char *old = part_path(writer->output, writer->part - writer->max_parts);

		if (old)
			(void)unlink(old);
		free(old);
	}
	return err;
}

struct trace_writer *trace_writer_new(const struct trace_writer_options *options)
{
	struct trace_writer *writer = calloc(1, sizeof(*writer));
	int err = -ENOMEM;

	if (!writer)
		return NULL;
	writer->fd = -1;
	writer->output = strdup(options->output);
	writer->max_size = options->max_size;
	writer->max_parts = options->max_parts;
	memcpy(writer->run, options->run, sizeof(writer->run));
	writer->compressor = ZSTD_createCCtx();
	if (!writer->output || !writer->compressor)
		goto out;
	ZSTD_CCtx_setParameter(
		writer->compressor, ZSTD_c_compressionLevel, options->level ? options->level : 1);
	err = start_part(writer);
out:
	if (err) {
		trace_writer_free(writer);
		errno = -err;
		return NULL;
	}
	return writer;
}

const char *trace_writer_advice(int error)
{
	switch (abs(error)) {
	case EEXIST:
		return "it holds something that is no trace: choose another name, or remove it";
	case ELOOP:
		return "it is a symbolic link, which is never followed: name the file itself";
	case EBUSY:
		return "another ragtime is writing it: choose another name";
	case EPIPE:
		return "the reader went away";
	case ETIMEDOUT:
		return "the reader took nothing for 10 s";
	case ENOSPC:
	case EDQUOT:
		return "make room, or bound the trace with --max-size";
	case ECONNREFUSED:
		return "nobody listens on that socket";
	default:
		return "";
	}
}

void trace_writer_free(struct trace_writer *writer)
{
	if (!writer)
		return;
	if (writer->fd >= 0)
		close(writer->fd);
	ZSTD_freeCCtx(writer->compressor);
	free(writer->frame);
	free(writer->output);
	free(writer);
}

/* The packed size, or -errno. */
static ssize_t compress(struct trace_writer *writer, const struct trace_block *block)
{
	size_t need = sizeof(struct rt_block_header) + ZSTD_compressBound(block->size);
	size_t packed;

	if (need > writer->capacity) {
		uint8_t *frame = realloc(writer->frame, need);

		if (!frame)
			return -ENOMEM;
		writer->frame = frame;
		writer->capacity = need;
	}
	packed = ZSTD_compress2(writer->compressor, writer->frame + sizeof(struct rt_block_header),
		writer->capacity - sizeof(struct rt_block_header), block->batch, block->size);
	if (ZSTD_isError(packed))
		return -ENOMEM; /* room is bounded above: nothing else can be wrong */
	return packed > RT_BLOCK_PACKED_MAX ? -EFBIG : (ssize_t)packed;
}

static void fill_header(
	struct trace_writer *writer, const struct trace_block *block, size_t packed_size)
{
	struct rt_block_header header = {
		.magic = RT_BLOCK_MAGIC,
		.flags = block->flags,
		.version = BLOCK_VERSION,
		.packed_size = (uint32_t)packed_size,
		.raw_size = (uint32_t)block->size,
		.first_ns = block->first_ns,
		.last_ns = block->last_ns,
		.calls = block->calls,
		.sequence = writer->sequence,
	};

	header.checksum = checksum_of(&header, offsetof(struct rt_block_header, checksum),
		writer->frame + sizeof(header), packed_size);
	memcpy(writer->frame, &header, sizeof(header));
}

static int write_block(struct trace_writer *writer, size_t size)
{
	int err = 0;

	if (trace_writer_begins_part(writer) && !writer->part_is_empty)
		err = next_part(writer);
	if (err)
		return err;
	err = sink_write(writer->fd, writer->frame, size);
	if (err) {
		/* Leaves whole blocks behind; where that fails too, readers see a torn one. */
		if (writer->is_file)
			(void)!ftruncate(writer->fd, (off_t)writer->part_bytes);
		return err;
	}
	writer->part_bytes += size;
	writer->bytes += size;
	writer->part_is_empty = false;
	writer->sequence++;
	return 0;
}

int trace_writer_put(struct trace_writer *writer, const struct trace_block *block)
{
	ssize_t packed;

	if (writer->error)
		return writer->error;
	if (block->size > RT_BLOCK_RAW_MAX)
		return -EFBIG;
	packed = compress(writer, block);
	if (packed < 0)
		return (int)packed;
	fill_header(writer, block, (size_t)packed);
	writer->error = write_block(writer, sizeof(struct rt_block_header) + (size_t)packed);
	return writer->error;
}

bool trace_writer_begins_part(const struct trace_writer *writer)
{
	return writer->part_is_empty ||
		(writer->is_file && writer->max_size && writer->part_bytes >= writer->max_size);
}

uint64_t trace_writer_bytes(const struct trace_writer *writer)
{
	return writer->bytes;
}

const char *trace_writer_name(const struct trace_writer *writer)
{
	return strcmp(writer->output, "-") ? writer->output : "standard output";
}
