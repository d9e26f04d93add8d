/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations: counted, and about one in ALLOCATION_SAMPLE bytes marked with its size.
 *
 * While the originals are being looked up, the dynamic linker itself may allocate. Those few
 * requests are served from a small area of our own, and never freed.
 */
#include "preload/hooks/hook.h"

#include <errno.h>

#define AREA_SIZE 65536

static union {
	char bytes[AREA_SIZE];
	max_align_t align;
} area;
static __u32 area_used;

static bool in_area(const void *at)
{
	return (uintptr_t)at - (uintptr_t)area.bytes < AREA_SIZE;
}

/* The size stands before the block, for realloc. */
static void *area_malloc(size_t size)
{
	__u32 whole, at;

	if (size > AREA_SIZE / 2)
		return NULL;
	whole = (__u32)(size + 31) & ~15u;
	at = __atomic_fetch_add(&area_used, whole, __ATOMIC_RELAXED);
	if (at > AREA_SIZE - whole)
		return NULL;
	*(size_t *)(area.bytes + at) = size;
	return area.bytes + at + 16;
}

static void *area_calloc(size_t count, size_t size)
{
	return size && count > AREA_SIZE / size ? NULL : area_malloc(count * size);
}

static void *area_realloc(void *block, size_t size)
{
	void *moved = area_malloc(size);
	size_t before;

	if (moved && block && in_area(block)) {
		before = ((size_t *)block)[-2];
		memcpy(moved, block, before < size ? before : size);
	}
	return moved;
}

static void area_free(void *block)
{
	(void)block;
}

void *original_stopgap(const void *pointer)
{
	if (pointer == &real_malloc)
		return (void *)area_malloc;
	if (pointer == &real_calloc)
		return (void *)area_calloc;
	if (pointer == &real_realloc)
		return (void *)area_realloc;
	return pointer == &real_free ? (void *)area_free : NULL;
}

static NOINLINE void allocation_mark(struct rt_thread *thread, size_t size)
{
	__s64 stands_for = ALLOCATION_SAMPLE - thread->sample_left;

	thread->sample_left = ALLOCATION_SAMPLE;
	mark_emit(RT_EV_allocation, size, stands_for, NULL);
}

ALWAYS_INLINE void allocation_count(unsigned kind, size_t size)
{
	struct rt_thread *thread;

	call_count(kind, RT_FAMILY_memory, size);
	thread = self_thread();
	if (region_off() || !thread->slot)
		return;
	thread->sample_left -= (__s64)size;
	if (unlikely(thread->sample_left < 0))
		allocation_mark(thread, size);
}

void *malloc(size_t size)
{
	allocation_count(RT_EV_malloc, size);
	return real_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocation_count(RT_EV_calloc, count * size);
	return real_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	void *moved;
	size_t before;

	allocation_count(RT_EV_realloc, size);
	if (likely(!in_area(block)))
		return real_realloc(block, size);
	moved = real_malloc(size);
	if (moved) {
		before = ((size_t *)block)[-2];
		memcpy(moved, block, before < size ? before : size);
	}
	return moved;
}

void free(void *block)
{
	call_count(RT_EV_free, RT_FAMILY_memory, 0);
	if (likely(!in_area(block)))
		real_free(block);
}

void *memalign(size_t alignment, size_t size)
{
	allocation_count(RT_EV_memalign, size);
	return real_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	allocation_count(RT_EV_memalign, size);
	return real_aligned_alloc(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	allocation_count(RT_EV_memalign, size);
	return real_posix_memalign(block, alignment, size);
}
