/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a program touches on its way up, and how many of their bytes are in memory. */
#ifndef ANALYSIS_COLDSTART_TOUCHED_H
#define ANALYSIS_COLDSTART_TOUCHED_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/model.h"

/*
 * A file as a program named it, from the root: what it named from its own folder is taken from
 * ours, where it was started. False: it is no such file, or is gone.
 */
bool touched_whole_path(const char *name, char path[PATH_MAX]);

struct touched {
	struct touched_file {
		char *path;
		int64_t bytes, resident; /* at the last look; resident -1: unknown */
	} * files;			 /* sorted by path once touched_sort was called */
	size_t count, room;
};

void touched_add(struct touched *touched, const char *path);
/* What the run's calls opened. */
void touched_add_run(struct touched *touched, struct model *model, const struct run *run);
/* Drops what was added twice, and what is no regular file with bytes in it. */
void touched_sort(struct touched *touched);

/* Looks how much of them is in memory; `drop`: after making the kernel forget them. */
void touched_look(struct touched *touched, bool drop);
/* Of all their bytes; NAN where there are none. */
double touched_cold_share(const struct touched *touched);
/* Of one; NAN where it is not among them. */
double touched_cold_share_of(const struct touched *touched, const char *path);

void touched_free(struct touched *touched);

#endif
