/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state folder, $XDG_STATE_HOME/ragtime: where traces go that were not given a name. Its files
 * are called <UTC time>-<program>-<pid>.rtrace, so that their names sort by age.
 */
#ifndef LIB_STATE_H
#define LIB_STATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STATE_KEEP_DAYS 14
#define STATE_KEEP_BYTES ((uint64_t)5 << 30)

/* All give 0 or -errno; `path` is filled in as far as it was known also on failure. */

/* The folder's path; it need not exist. -ENOENT where neither it nor a home is known. */
int state_folder(char *path, size_t size);

/* Makes the folder (0700) and gives the name of a new trace in it. Makes no file. */
int state_new_trace(const char *program, pid_t pid, char *path, size_t size);

/* The newest trace; -ENOENT where there is none. */
int state_newest(char *path, size_t size);

/*
 * Removes the oldest traces: those of more than `days` days, and as many as stand above `bytes` in
 * all. Touches nothing that is not a trace of this folder's naming and this user's own.
 */
int state_prune(unsigned days, uint64_t bytes);

#endif
