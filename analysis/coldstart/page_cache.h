/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page cache, file by file. A cold start is one whose files have to come from the disk: they
 * alone are dropped, never the whole machine's.
 */
#ifndef ANALYSIS_COLDSTART_PAGE_CACHE_H
#define ANALYSIS_COLDSTART_PAGE_CACHE_H

#include <stdint.h>

struct page_cache_state {
	int64_t bytes;	  /* the file's size */
	int64_t resident; /* of them in memory; -1: the kernel does not say */
};

/* 0 or -errno. */
int page_cache_look(const char *path, struct page_cache_state *state);

/*
 * Asks the kernel to forget the file. What is dirty is written out first; what some process maps
 * stays, which only a look tells. 0 or -errno.
 */
int page_cache_drop(const char *path);

/* Bytes a second of one sequential read of a file that is not in memory; 0: could not be had. */
double page_cache_disk_speed(const char *path);

#endif
