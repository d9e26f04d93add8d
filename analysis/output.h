/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on their way out: gathered, written as they grow, the first failure kept. */
#ifndef ANALYSIS_OUTPUT_H
#define ANALYSIS_OUTPUT_H

#include "lib/buf.h"

struct output {
	struct buf bytes;
	int fd;
	int error; /* 0, or the first -errno; what comes after it is dropped */
};

/* All of it, whatever interrupts; 0 or -errno. */
int write_fully(int fd, const char *bytes, size_t size);

/* Into a file of its user's own, made or emptied; NULL: standard output. 0 or -errno. */
int output_open(struct output *out, const char *path);

/* Writes, once enough has gathered. */
void output_flush(struct output *out);

/* Writes what is left and closes what output_open opened; 0 or the first -errno. */
int output_finish(struct output *out);

#endif
