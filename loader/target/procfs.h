/* SPDX-License-Identifier: Apache-2.0 */
/* Small questions to /proc/PID. Everything it says is a stranger's: cut, never trusted. */
#ifndef LOADER_TARGET_PROCFS_H
#define LOADER_TARGET_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The first bytes of /proc/PID/NAME, and a NUL after them. How many, or -errno. */
ssize_t procfs_read(pid_t pid, const char *name, char *text, size_t size);

/* The target of the link /proc/PID/NAME. Its length, or -errno (-ENAMETOOLONG where it is cut). */
ssize_t procfs_link(pid_t pid, const char *name, char *text, size_t size);

/* "Name:\tVALUE" of /proc/PID/status as a number; false where there is none. */
bool procfs_status(pid_t pid, const char *name, int base, uint64_t *value);

/* What an interpreter runs: its first argument that is no option, or the module after -m. NULL
 * where the program is no interpreter or runs none; else to be freed. */
char *procfs_script(pid_t pid, const char *program);

/* Calls `found` with each number that /proc/PID/NAME (a folder: task, fd) holds, until it says
 * false; pid 0: the processes. 0 or -errno. */
typedef bool procfs_number_fn(void *context, int number);
int procfs_numbers(pid_t pid, const char *name, procfs_number_fn *found, void *context);

/* The inode of the PID namespace that the system began with. */
#define PROCFS_FIRST_PID_SPACE 0xeffffffcu

/* The inode of a namespace ("pid", "net", "mnt"); 0 where it is not to be known. */
uint64_t procfs_namespace(pid_t pid, const char *kind);

#endif
