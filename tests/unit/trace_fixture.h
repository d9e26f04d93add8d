/* SPDX-License-Identifier: Apache-2.0 */
/* Writing traces from records, and reading them back, for the unit tests of the stream. */
#ifndef TESTS_TRACE_FIXTURE_H
#define TESTS_TRACE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>

#include "decoder/trace_reader.h"
#include "loader/stream/pack.h"
#include "tests/unit/unit.h"

#define FIXTURE_TICKS_PER_SECOND 2000000000ull

/* A name in the test's own folder. */
static inline const char *fixture_path(const char *name)
{
	static char path[512];
	const char *folder = getenv("TMP");

	snprintf(path, sizeof(path), "%s/%s-%d", folder ? folder : "/tmp", name, (int)getpid());
	return path;
}

static inline struct trace_writer *fixture_writer(const char *output, uint64_t max_size)
{
	struct trace_writer_options options = {
		.output = output,
		.max_size = max_size,
		.run = "fixture",
	};

	return trace_writer_new(&options);
}

static inline struct pack *fixture_pack(
	struct trace_writer *writer, pack_mark_fn *on_mark, void *context)
{
	struct pack_start start = {
		.mode = "shim",
		.command = "fixture",
		.ticks_per_second = FIXTURE_TICKS_PER_SECOND,
		.run = "fixture",
	};

	return pack_new(writer, &start, on_mark, context);
}

static inline void fixture_finish(struct pack *pack, struct trace_writer *writer)
{
	struct pack_end end = {.monotonic_ns = 5000000000, .reason = "exit"};

	CHECK_EQ(pack_finish(pack, &end), 0);
	pack_free(pack);
	trace_writer_free(writer);
}

static inline struct trace_reader *fixture_open(const char *path)
{
	struct trace_error error = {""};
	struct trace_reader *reader = trace_reader_open(&path, 1, &error);

	if (!reader)
		printf("%s\n", error.text);
	return reader;
}

static inline uint64_t fixture_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* The whole file; the caller frees. */
static inline uint8_t *fixture_read(const char *path, size_t *size)
{
	struct stat info;
	FILE *file = fopen(path, "rb");
	uint8_t *bytes;

	if (!file || fstat(fileno(file), &info))
		exit(3);
	bytes = malloc((size_t)info.st_size + 1);
	*size = fread(bytes, 1, (size_t)info.st_size, file);
	fclose(file);
	return bytes;
}

static inline void fixture_write(const char *path, const void *bytes, size_t size)
{
	FILE *file;

	/* A file made anew: some file systems write one out at once that was cut and refilled. */
	unlink(path);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
		exit(3);
}

#endif
