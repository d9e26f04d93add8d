/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a trace: the parts of one run, put in order, through one buffer that holds no more
 * than one block needs. Used by trace_reader.c alone.
 */
#ifndef DECODER_TRACE_INPUT_H
#define DECODER_TRACE_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "decoder/trace_reader.h"

struct trace_part {
	char *path; /* NULL: standard input */
	struct rt_file_header header;
	uint64_t size; /* 0: not known */
};

struct trace_input {
	struct trace_part *parts;
	size_t count;
	size_t current;
	int fd; /* -1: the current part cannot be read any more */
	uint8_t *buffer;
	size_t start, end; /* the unread bytes in it */
	size_t capacity;
	uint64_t bytes; /* read, file headers included */
};

/* 0, or -errno with `error` set. */
int trace_input_open(struct trace_input *input, const char *const *paths, size_t count,
	struct trace_error *error);
void trace_input_close(struct trace_input *input);

/*
 * Makes `want` bytes readable at trace_input_at if the current part has them. How many there are,
 * or -errno.
 */
ssize_t trace_input_fill(struct trace_input *input, size_t want);

static inline const uint8_t *trace_input_at(const struct trace_input *input)
{
	return input->buffer + input->start;
}

static inline size_t trace_input_ready(const struct trace_input *input)
{
	return input->end - input->start;
}

static inline void trace_input_skip(struct trace_input *input, size_t size)
{
	input->start += size;
}

/* 1: the next part is open, what was left of this one is gone; 0: there is none; -errno. */
int trace_input_next_part(struct trace_input *input);

/* Looks at a part without taking it in: its header and its size. A pipe is left alone. */
int trace_part_look(struct trace_part *part, struct trace_error *error);

/* NULL, or what is wrong with a file header of which `size` bytes are there. */
const char *trace_header_fault(const void *bytes, size_t size);

#endif
