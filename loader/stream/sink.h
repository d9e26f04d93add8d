/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the bytes of a trace go: a descriptor opened by one of the sink_*.c files. Each opener
 * returns the descriptor or -errno.
 */
#ifndef LOADER_STREAM_SINK_H
#define LOADER_STREAM_SINK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A new file, 0600, made by us and locked as long as it is written. What stands there already is
 * replaced only if it is an empty file or a trace: else -EEXIST; -ELOOP for a symbolic link, -EBUSY
 * for a trace that is being written. Devices and named pipes are written as they are.
 */
int sink_file_open(const char *path);

/* "-" is standard output, "fd:N" a descriptor that was handed to us (kept open by its owner). */
bool sink_is_pipe(const char *output);
int sink_pipe_open(const char *output);

/* "unix:PATH": a stream socket that somebody listens on. */
bool sink_is_socket(const char *output);
int sink_socket_open(const char *output);

/* All of it, or -errno: -EPIPE when the reader is gone, never SIGPIPE. */
int sink_write(int fd, const void *bytes, size_t size);

#endif
