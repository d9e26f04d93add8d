/* SPDX-License-Identifier: Apache-2.0 */
/* The shared region: creation, and reading that survives a hostile or dying writer. */
#include "loader/capture/rings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096
#define SLOTS_DEFAULT 1024
#define SLOTS_LEAST 32
#define CHUNKS_LEAST 16
#define CHUNKS_AT_START 16
#define SLOTS_AT_START 32
#define SLOTS_A_STEP 64
#define ORPHAN_SWEEPS 3

_Static_assert(SLOTS_DEFAULT <= RT_SLOTS_MAX, "slots fit the contract");

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* How many slots and chunks fit; a small region spends at most a sixth of itself on slots. */
static void plan_region(struct region *region, uint64_t limit)
{
	uint64_t head = round_up(sizeof(struct rt_region), PAGE);
	uint64_t offset, chunks = CHUNKS_LEAST;

	if (limit > REGION_SIZE_MAX)
		limit = REGION_SIZE_MAX;
	region->slots = SLOTS_DEFAULT;
	while (region->slots > SLOTS_LEAST && region->slots * sizeof(struct rt_slot) > limit / 6)
		region->slots /= 2;
	offset = round_up(head + region->slots * sizeof(struct rt_slot), RT_CHUNK_SIZE);
	if (limit > offset + CHUNKS_LEAST * sizeof(struct rt_chunk))
		chunks = (limit - offset) / sizeof(struct rt_chunk);
	region->chunks = chunks < RT_CHUNKS_MAX ? (uint32_t)chunks : RT_CHUNKS_MAX;
	region->size = offset + region->chunks * sizeof(struct rt_chunk);
}

/* A limit on the size of files holds for memory too. It is put aside where that is allowed. */
static int set_size(int fd, uint64_t size)
{
	struct rlimit limit, wide = {RLIM_INFINITY, RLIM_INFINITY};
	int err;

	if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur >= size)
		return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
	if (setrlimit(RLIMIT_FSIZE, &wide) < 0) {
		wide.rlim_cur = wide.rlim_max = limit.rlim_max;
		setrlimit(RLIMIT_FSIZE, &wide);
	}
	err = ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
	setrlimit(RLIMIT_FSIZE, &limit);
	return err;
}

static int make_memfd(void)
{
	int fd = memfd_create("ragtime", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 && errno == EACCES) /* vm.memfd_noexec = 2 */
		fd = memfd_create("ragtime", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	return fd < 0 ? -errno : fd;
}

static int fix_size(int fd, uint64_t size)
{
	int err = set_size(fd, size);

	if (!err &&
		(fchmod(fd, 0600) < 0 ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0))
		err = -errno;
	return err;
}

/* Makes pages exist, zeroed, without changing what others may have written meanwhile. */
static int populate(void *start, size_t size)
{
	if (!madvise(start, size, MADV_POPULATE_WRITE))
		return 0;
	if (errno != EINVAL)
		return -errno;
	for (size_t at = 0; at < size; at += PAGE)
		__atomic_fetch_or((uint8_t *)start + at, 0, __ATOMIC_RELAXED);
	return 0;
}

int region_make(struct region *region, uint64_t limit)
{
	int fd = make_memfd();

	return fd < 0 ? fd : region_make_in(region, limit, fd);
}

int region_make_in(struct region *region, uint64_t limit, int fd)
{
	struct rt_region *head;
	int err;

	memset(region, 0, sizeof(*region));
	plan_region(region, limit);
	region->fd = fd;
	err = fix_size(fd, region->size);
	if (err)
		goto fail;
	head = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
	region->owner = calloc(region->chunks, sizeof(*region->owner));
	region->orphan = calloc(region->chunks, sizeof(*region->orphan));
	if (head == MAP_FAILED || !region->owner || !region->orphan) {
		err = head == MAP_FAILED ? -errno : -ENOMEM;
		goto fail;
	}
	region->head = head;
	region->slot = (void *)((char *)head + round_up(sizeof(*head), PAGE));
	region->chunk = (void *)((char *)head + region->size -
		(uint64_t)region->chunks * sizeof(struct rt_chunk));
	madvise(head, region->size, MADV_DONTDUMP);
	err = populate(head, (size_t)((char *)&region->slot[SLOTS_AT_START] - (char *)head));
	if (err)
		goto fail;
	region->slots_filled = SLOTS_AT_START;
	if (getrandom(&region->cookie, sizeof(region->cookie), 0) != sizeof(region->cookie)) {
		err = -EIO;
		goto fail;
	}
	head->version = RT_REGION_VERSION;
	head->header_size = (uint32_t)((char *)region->slot - (char *)head);
	head->size = region->size;
	head->slots = region->slots;
	head->chunks = region->chunks;
	head->chunks_offset = (uint64_t)((char *)region->chunk - (char *)head);
	head->tracer_pid = (uint32_t)getpid();
	head->cookie = region->cookie;
	/* all may be claimed from the start: one without pages costs a fault, none costs records */
	for (uint32_t i = 0; i < region->chunks; i++)
		head->free_chunks[i / 64] |= 1ull << (i % 64);
	__atomic_store_n(&head->magic, RT_REGION_MAGIC, __ATOMIC_RELEASE);
	region_fill(region, CHUNKS_AT_START);
	return 0;
fail:
	region_free(region);
	return err;
}

void region_wipe(struct region *region)
{
	struct rt_region *head = region->head;

	if (region->chunk)
		madvise(region->chunk, (size_t)region->chunks * sizeof(*region->chunk),
			MADV_REMOVE);
	explicit_bzero(head->mail, sizeof(head->mail));
}

void region_free(struct region *region)
{
	if (region->head) {
		region_wipe(region);
		munmap(region->head, region->size);
	}
	region_hide(region);
	free(region->owner);
	free(region->orphan);
	memset(region, 0, sizeof(*region));
	region->fd = -1;
}

void region_hide(struct region *region)
{
	if (region->fd >= 0)
		close(region->fd);
	region->fd = -1;
}

static void hand_out(struct region *region, uint32_t chunk)
{
	struct rt_chunk *shared = &region->chunk[chunk];

	region->owner[chunk] = 0;
	region->orphan[chunk] = 0;
	shared->head = 0;
	shared->next = 0;
	shared->slot = UINT32_MAX;
	__atomic_fetch_or(
		&region->head->free_chunks[chunk / 64], 1ull << (chunk % 64), __ATOMIC_RELEASE);
}

static void fill_slots(struct region *region)
{
	uint32_t count = region->slots - region->slots_filled;

	if (count > SLOTS_A_STEP)
		count = SLOTS_A_STEP;
	if (count)
		populate(&region->slot[region->slots_filled], count * sizeof(struct rt_slot));
	region->slots_filled += count;
}

bool region_fill(struct region *region, uint32_t chunks)
{
	uint32_t end = region->filled + chunks;

	fill_slots(region);
	if (end > region->chunks)
		end = region->chunks;
	if (populate(&region->chunk[region->filled],
		    (end - region->filled) * sizeof(struct rt_chunk)) < 0)
		return false;
	region->filled = end;
	return region->filled < region->chunks;
}

uint32_t region_free_chunks(const struct region *region)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < (region->chunks + 63) / 64; i++)
		count += (uint32_t)__builtin_popcountll(
			__atomic_load_n(&region->head->free_chunks[i], __ATOMIC_RELAXED));
	return count < region->chunks ? count : region->chunks;
}

static bool is_free(const struct region *region, uint32_t chunk)
{
	return __atomic_load_n(&region->head->free_chunks[chunk / 64], __ATOMIC_ACQUIRE) >>
		(chunk % 64) &
		1;
}

void ring_open(struct ring *ring, uint32_t slot, uint32_t generation)
{
	*ring = (struct ring){.slot = slot, .generation = generation};
}

/* Goes on to the chunk with this link (index + 1), if it is what a sane writer would have linked.
 */
static int follow(struct ring *ring, struct region *region, uint32_t link)
{
	uint32_t chunk = link - 1;
	const struct rt_chunk *shared;

	if (chunk >= region->chunks || region->owner[chunk] || is_free(region, chunk))
		return -EBADMSG;
	shared = &region->chunk[chunk];
	if (__atomic_load_n(&shared->slot, __ATOMIC_RELAXED) != ring->slot ||
		__atomic_load_n(&shared->generation, __ATOMIC_RELAXED) != ring->generation)
		return -EBADMSG;
	region->owner[chunk] = ring->slot + 1;
	region->orphan[chunk] = 0;
	if (ring->chunk)
		hand_out(region, ring->chunk - 1);
	ring->chunk = link;
	ring->at = 0;
	return 0;
}

int ring_read(struct ring *ring, struct region *region, struct rt_record *out)
{
	while (!ring->damaged) {
		const struct rt_chunk *chunk;
		uint32_t next, head, count;

		if (!ring->chunk) {
			next = __atomic_load_n(
				&region->slot[ring->slot].first_chunk, __ATOMIC_ACQUIRE);
			if (!next)
				return 0;
			if (follow(ring, region, next) < 0)
				break;
		}
		chunk = &region->chunk[ring->chunk - 1];
		/* next before head: once a chunk has a next one, its head is final */
		next = __atomic_load_n(&chunk->next, __ATOMIC_ACQUIRE);
		head = __atomic_load_n(&chunk->head, __ATOMIC_ACQUIRE);
		if (head > RT_CHUNK_RECORDS || head < ring->at)
			break;
		count = head - ring->at;
		if (count) {
			memcpy(out, &chunk->records[ring->at], count * sizeof(*out));
			ring->at = head;
			return (int)count;
		}
		if (!next)
			return 0;
		if (follow(ring, region, next) < 0)
			break;
	}
	ring->damaged = true;
	return -EBADMSG;
}

void ring_release(struct ring *ring, struct region *region)
{
	struct rt_slot *slot = &region->slot[ring->slot];
	char *after = (char *)&slot->pid;

	/* what a damaged ring has linked beyond is left to the sweep */
	while (!ring->damaged && ring->chunk) {
		uint32_t next =
			__atomic_load_n(&region->chunk[ring->chunk - 1].next, __ATOMIC_ACQUIRE);

		if (!next || follow(ring, region, next) < 0)
			break;
	}
	if (ring->chunk)
		hand_out(region, ring->chunk - 1);
	ring->chunk = 0;
	memset(after, 0, (size_t)((char *)(slot + 1) - after));
	__atomic_store_n(&slot->generation, ring->generation, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->state, RT_SLOT_FREE, __ATOMIC_RELEASE);
	/* the lowest is taken first, so that as few pages as possible are ever touched */
	if (ring->slot < __atomic_load_n(&region->head->slot_hint, __ATOMIC_RELAXED))
		__atomic_store_n(&region->head->slot_hint, ring->slot, __ATOMIC_RELAXED);
}

/*
 * A chunk whose claimer has not yet signed it looks the same as one whose claimer died in between:
 * that one is left alone, it may be written to at any time.
 */
static bool is_orphan(
	const struct region *region, uint32_t index, region_live_fn *live, void *context)
{
	const struct rt_chunk *chunk = &region->chunk[index];
	uint32_t slot, generation;

	if (region->owner[index] || is_free(region, index))
		return false;
	slot = __atomic_load_n(&chunk->slot, __ATOMIC_RELAXED);
	generation = __atomic_load_n(&chunk->generation, __ATOMIC_RELAXED);
	return slot < region->slots && generation && !live(context, slot, generation);
}

void region_sweep(struct region *region, region_live_fn *live, void *context)
{
	for (uint32_t i = 0; i < region->chunks; i++) {
		if (!is_orphan(region, i, live, context))
			region->orphan[i] = 0;
		else if (++region->orphan[i] >= ORPHAN_SWEEPS)
			hand_out(region, i);
	}
}
