/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/trace_input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/part.h"

#define READ_SIZE (256u << 10)
#define HEADER_SIZE_MAX 4096

static int refuse(struct trace_error *error, int err, const char *path, const char *why)
{
	snprintf(error->text, sizeof(error->text), "cannot read '%s': %s",
		path ? path : "standard input", why ? why : strerror(err));
	return -err;
}

const char *trace_header_fault(const void *bytes, size_t size)
{
	struct rt_file_header header;

	if (!size)
		return "it is empty: nothing has been recorded into it yet";
	if (size >= 15 && !memcmp(bytes, "SQLite format 3", 15))
		return "it is a database, not a trace: give the .rtrace file";
	if (memcmp(bytes, RT_FILE_MAGIC, size < 8 ? size : 8))
		return "it is no ragtime trace";
	if (size < sizeof(header))
		return "it ends within the file header: recording stopped before it began";
	memcpy(&header, bytes, sizeof(header));
	if (header.version > RT_FILE_VERSION)
		return "it was written by a newer ragtime: read it with that one";
	if (!header.version || header.header_size < sizeof(header) ||
		header.header_size > HEADER_SIZE_MAX)
		return "its file header is damaged";
	return NULL;
}

ssize_t trace_input_fill(struct trace_input *input, size_t want)
{
	while (trace_input_ready(input) < want && input->fd >= 0) {
		size_t room = want > READ_SIZE ? want : READ_SIZE;
		ssize_t got;

		if (input->start) {
			memmove(input->buffer, trace_input_at(input), trace_input_ready(input));
			input->end -= input->start;
			input->start = 0;
		}
		if (input->capacity < room) {
			uint8_t *buffer = realloc(input->buffer, room);

			if (!buffer)
				return -ENOMEM;
			input->buffer = buffer;
			input->capacity = room;
		}
		got = read(input->fd, input->buffer + input->end, input->capacity - input->end);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		if (got > 0) {
			input->end += (size_t)got;
			input->bytes += (uint64_t)got;
		}
	}
	return (ssize_t)trace_input_ready(input);
}

static void close_part(struct trace_input *input)
{
	if (input->fd > STDIN_FILENO)
		close(input->fd);
	input->fd = -1;
	input->start = input->end = 0;
}

/* Opens the current part and reads its header. */
static int open_part(struct trace_input *input, struct trace_error *error)
{
	struct trace_part *part = &input->parts[input->current];
	struct rt_file_header header;
	const char *fault;
	ssize_t got;

	close_part(input);
	input->fd = part->path ? open(part->path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO;
	if (input->fd < 0)
		return refuse(error, errno, part->path, NULL);
	got = trace_input_fill(input, sizeof(header));
	if (got < 0)
		return refuse(error, (int)-got, part->path, NULL);
	fault = trace_header_fault(trace_input_at(input), (size_t)got);
	if (fault)
		return refuse(error, EINVAL, part->path, fault);
	memcpy(&header, trace_input_at(input), sizeof(header));
	got = trace_input_fill(input, header.header_size);
	if (got < header.header_size)
		return refuse(error, EINVAL, part->path, "it ends within the file header");
	trace_input_skip(input, header.header_size);
	part->header = header;
	return 0;
}

int trace_input_next_part(struct trace_input *input)
{
	struct trace_error error;
	int err;

	while (input->current + 1 < input->count) {
		uint8_t run[16];

		memcpy(run, input->parts[0].header.run, sizeof(run));
		input->current++;
		err = open_part(input, &error);
		/* It was fine when looked at first; what has changed since is a lost part. */
		if (!err && !memcmp(run, input->parts[input->current].header.run, sizeof(run)))
			return 1;
		if (err == -ENOMEM)
			return err;
		close_part(input);
	}
	return 0;
}

static int add_path(struct trace_input *input, const char *path)
{
	struct trace_part *parts =
		realloc(input->parts, (input->count + 1) * sizeof(*input->parts));

	if (!parts)
		return -ENOMEM;
	input->parts = parts;
	parts[input->count] = (struct trace_part){0};
	if (strcmp(path, "-")) {
		parts[input->count].path = strdup(path);
		if (!parts[input->count].path)
			return -ENOMEM;
	}
	input->count++;
	return 0;
}

int trace_part_look(struct trace_part *part, struct trace_error *error)
{
	uint8_t head[sizeof(struct rt_file_header)];
	const char *fault;
	struct stat info;
	ssize_t got;
	int fd;

	if (stat(part->path, &info))
		return refuse(error, errno, part->path, NULL);
	if (S_ISDIR(info.st_mode))
		return refuse(error, EISDIR, part->path, NULL);
	if (!S_ISREG(info.st_mode))
		return 0;
	fd = open(part->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return refuse(error, errno, part->path, NULL);
	got = pread(fd, head, sizeof(head), 0);
	close(fd);
	if (got < 0)
		return refuse(error, EIO, part->path, NULL);
	fault = trace_header_fault(head, (size_t)got);
	if (fault)
		return refuse(error, EINVAL, part->path, fault);
	memcpy(&part->header, head, sizeof(part->header));
	part->size = (uint64_t)info.st_size;
	return 0;
}

/* The trace's name without its part number: "x.3.rtrace", 3 gives "x.rtrace". The caller frees. */
static char *base_of(const char *path, uint32_t part)
{
	size_t length = strlen(path);
	char *base = strdup(path);
	char number[16];
	size_t size = (size_t)snprintf(number, sizeof(number), ".%u", part);
	size_t tail = length > 7 && !strcmp(path + length - 7, ".rtrace") ? 7 : 0;

	if (base && part && length > size + tail &&
		!memcmp(base + length - tail - size, number, size))
		memmove(base + length - tail - size, base + length - tail, tail + 1);
	return base;
}

/* Adds the parts beside the first that belong to its run. */
static int add_siblings(struct trace_input *input)
{
	struct trace_part first = input->parts[0];
	char *base = base_of(first.path, first.header.part);
	/* Upwards until one is missing; downwards until one was rotated away. */
	bool up = true, down = true;
	int err = base ? 0 : -ENOMEM;

	for (uint32_t step = 1; !err && (up || down); step++) {
		for (int side = 0; side < 2 && !err; side++) {
			uint32_t number = first.header.part + (side ? -step : step);
			struct trace_part part = {0};
			struct trace_error unused;
			bool *open = side ? &down : &up;

			*open = *open && !(side && step > first.header.part);
			if (!*open)
				continue;
			part.path = part_path(base, number);
			*open = part.path && !trace_part_look(&part, &unused) &&
				part.header.part == number &&
				!memcmp(part.header.run, first.header.run, 16);
			if (*open)
				err = add_path(input, part.path);
			if (*open && !err) {
				input->parts[input->count - 1].header = part.header;
				input->parts[input->count - 1].size = part.size;
			}
			free(part.path);
		}
	}
	free(base);
	return err;
}

static int by_number(const void *left, const void *right)
{
	const struct trace_part *a = left, *b = right;

	return a->header.part < b->header.part ? -1 : a->header.part > b->header.part;
}

static int check_run(const struct trace_input *input, struct trace_error *error)
{
	for (size_t i = 1; i < input->count; i++) {
		if (!memcmp(input->parts[0].header.run, input->parts[i].header.run, 16))
			continue;
		snprintf(error->text, sizeof(error->text),
			"'%s' and '%s' are traces of different runs: give one at a time",
			input->parts[0].path ? input->parts[0].path : "standard input",
			input->parts[i].path ? input->parts[i].path : "standard input");
		return -EINVAL;
	}
	return 0;
}

int trace_input_open(struct trace_input *input, const char *const *paths, size_t count,
	struct trace_error *error)
{
	int err = 0;

	memset(input, 0, sizeof(*input));
	input->fd = -1;
	for (size_t i = 0; i < count && !err; i++) {
		err = add_path(input, paths[i]);
		if (!err && input->parts[i].path)
			err = trace_part_look(&input->parts[i], error);
	}
	if (!err && count == 1 && input->parts[0].size)
		err = add_siblings(input);
	if (!err && count > 1)
		err = check_run(input, error);
	if (err == -ENOMEM)
		snprintf(error->text, sizeof(error->text), "out of memory");
	if (err)
		return err;
	qsort(input->parts, input->count, sizeof(*input->parts), by_number);
	return open_part(input, error);
}

void trace_input_close(struct trace_input *input)
{
	for (size_t i = 0; i < input->count; i++)
		free(input->parts[i].path);
	free(input->parts);
	free(input->buffer);
	close_part(input);
}
