/* SPDX-License-Identifier: Apache-2.0 */
/* Which file a command is, and whether the shim can enter it. */
#ifndef LOADER_TARGET_IDENTITY_H
#define LOADER_TARGET_IDENTITY_H

#include <stddef.h>

/*
 * The file that exec would start for `command`, searched for in PATH like a shell does. 0, -ENOENT,
 * -EACCES for one that may not be executed, or another -errno.
 */
int identity_find(const char *command, char *path, size_t size);

/*
 * Why the shim cannot enter the program at `path`, in a few words that stand after "because"; NULL
 * where it can, or where that cannot be told. Scripts are judged by their interpreter.
 */
const char *identity_obstacle(const char *path);

/* The shim's file: beside this program, or where it is installed. 0 or -ENOENT. */
int identity_shim(char *path, size_t size);

#endif
