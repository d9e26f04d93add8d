/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a process and those below it. All of it may be gone at the next look. */
#ifndef ANALYSIS_COLDSTART_PROC_H
#define ANALYSIS_COLDSTART_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_TREE_MAX 256

struct proc_tree {
	size_t count;
	pid_t pids[PROC_TREE_MAX]; /* parents before children */
};

/* Those below `root`, without it. */
void proc_tree_below(pid_t root, struct proc_tree *tree);

/*
 * Resident bytes now, all processes together. Pages that they share count in each; shared memory,
 * where ragtime's own region is, does not count.
 */
int64_t proc_tree_rss(const struct proc_tree *tree);

struct proc_faults {
	int64_t minor, major; /* major: a disk had to be asked */
};

/* Of all its processes so far, and of those that they have waited for. */
struct proc_faults proc_tree_faults(const struct proc_tree *tree);

/* The TCP port that one of them listens on, `port` itself unless that is 0; 0: none. */
unsigned proc_tree_listens(const struct proc_tree *tree, unsigned port);

/* Calls `each` for every regular file that the process maps, again for each of its mappings. */
void proc_mapped(pid_t pid, void (*each)(void *context, const char *path), void *context);

#endif
