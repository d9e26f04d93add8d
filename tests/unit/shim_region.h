/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tracer small enough to test the shim against: makes a region, starts a program under the shim,
 * and reads every record out of it. It frees drained chunks only where asked to.
 */
#ifndef TESTS_SHIM_REGION_H
#define TESTS_SHIM_REGION_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/ring.h"

struct shim_region {
	int fd;
	struct rt_region *map;
	char variable[128]; /* RAGTIME_REGION=... */
};

static inline struct rt_slot *shim_slot(const struct shim_region *region, unsigned index)
{
	return (struct rt_slot *)((char *)region->map + region->map->header_size) + index;
}

static inline struct rt_chunk *shim_chunk(const struct shim_region *region, unsigned number)
{
	return (struct rt_chunk *)((char *)region->map + region->map->chunks_offset) + number - 1;
}

static inline int shim_region_make(struct shim_region *region, unsigned slots, unsigned chunks)
{
	size_t header = (sizeof(struct rt_region) + 4095) & ~4095ul;
	size_t offset = header + slots * sizeof(struct rt_slot);
	size_t size = offset + (size_t)chunks * RT_CHUNK_SIZE;
	struct rt_region *map;

	region->fd = memfd_create("shim-test", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (region->fd < 0 || ftruncate(region->fd, (off_t)size))
		return -errno;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	if (fcntl(region->fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW))
		return -errno;
	region->map = map;
	map->magic = RT_REGION_MAGIC;
	map->version = RT_REGION_VERSION;
	map->header_size = (__u32)header;
	map->size = size;
	map->slots = slots;
	map->chunks = chunks;
	map->chunks_offset = offset;
	map->tracer_pid = (__u32)getpid();
	map->families = ~0u;
	map->cookie = 0x5eedc0de;
	map->mode = RT_MODE_ON;
	map->beat = __builtin_ia32_rdtsc();
	for (unsigned index = 0; index < chunks; index++)
		map->free_chunks[index / 64] |= 1ull << index % 64;
	snprintf(region->variable, sizeof(region->variable), RT_ENV_REGION "=/proc/%d/fd/%d:%llx",
		getpid(), region->fd, (unsigned long long)map->cookie);
	return 0;
}

/* A file of the build folder, in which the tests stand in a folder of their own. */
static inline char *build_path(const char *name)
{
	static char *kept[64];
	static unsigned count;
	char self[4096], path[8192];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (size < 0)
		return NULL;
	self[size] = 0;
	*strrchr(self, '/') = 0;
	*strrchr(self, '/') = 0;
	snprintf(path, sizeof(path), "%s/%s", self, name);
	/* kept for the whole case */
	kept[count % 64] = strdup(path);
	return kept[count++ % 64];
}

static inline char *program_path(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "programs/%s", name);
	return build_path(path);
}

#define shim_path() build_path("libragtime.so")

/* Starts argv[0] under the shim; preload stands before it in LD_PRELOAD. */
static inline pid_t shim_start(
	const struct shim_region *region, const char *preload, char *const *argv, const char *extra)
{
	char list[8300];
	const char *environment[] = {list, region->variable, "PATH=/usr/bin:/bin", extra, NULL};
	pid_t child;

	snprintf(list, sizeof(list), "LD_PRELOAD=%s%s%s", preload ? preload : "",
		preload ? ":" : "", shim_path());
	fflush(NULL);
	child = fork();
	if (child == 0) {
		execve(argv[0], argv, (char **)environment);
		_exit(127);
	}
	return child;
}

static inline int shim_wait(pid_t child)
{
	int status = -1;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Runs to the end; the wait status. */
static inline int shim_run(const struct shim_region *region, char *const *argv)
{
	return shim_wait(shim_start(region, NULL, argv, NULL));
}

/* A record of the region with its thread; NULL ends. Tails are stepped over. */
struct shim_cursor {
	const struct shim_region *region;
	unsigned slot;	/* its index */
	unsigned chunk; /* number, 0 before the slot's first */
	unsigned at;
};

static inline const struct rt_record *shim_next(struct shim_cursor *cursor)
{
	for (; cursor->slot < cursor->region->map->slots; cursor->slot++, cursor->chunk = 0) {
		struct rt_slot *slot = shim_slot(cursor->region, cursor->slot);

		if (slot->state == RT_SLOT_FREE)
			continue;
		if (!cursor->chunk) {
			cursor->chunk = slot->first_chunk;
			cursor->at = 0;
		}
		while (cursor->chunk) {
			struct rt_chunk *chunk = shim_chunk(cursor->region, cursor->chunk);
			const struct rt_record *record = &chunk->records[cursor->at];

			if (cursor->at < chunk->head && record->kind == RT_EV_pad)
				cursor->at = RT_CHUNK_RECORDS;
			if (cursor->at < chunk->head) {
				cursor->at++;
				if (record->flags & RT_FLAG_TAIL)
					cursor->at += RT_TAIL_SLOTS(
						((const struct rt_tail *)(record + 1))->size);
				return record;
			}
			if (!chunk->next)
				break;
			cursor->chunk = chunk->next;
			cursor->at = 0;
		}
	}
	return NULL;
}

static inline const struct rt_tail *shim_tail(const struct rt_record *record)
{
	return record->flags & RT_FLAG_TAIL ? (const struct rt_tail *)(record + 1) : NULL;
}

/* How many records of a kind there are; the last of them in *last, where wanted. */
static inline unsigned shim_count(
	const struct shim_region *region, unsigned kind, const struct rt_record **last)
{
	struct shim_cursor cursor = {.region = region};
	const struct rt_record *record;
	unsigned count = 0;

	while ((record = shim_next(&cursor))) {
		if (record->kind != kind)
			continue;
		count++;
		if (last)
			*last = record;
	}
	return count;
}

static inline uint64_t shim_lost(const struct shim_region *region)
{
	uint64_t lost = region->map->lost_no_slot;

	for (unsigned index = 0; index < region->map->slots; index++)
		lost += shim_slot(region, index)->lost + shim_slot(region, index)->lost_nested;
	return lost;
}

#endif
