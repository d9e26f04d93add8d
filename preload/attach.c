/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entering and leaving a process that runs already: what the tracer calls in a thread of its own
 * making (loader/target/inject.c). The library stays, inert, until it is entered again.
 *
 * Threads that sit in a hook while it is left come back later, to their private state: that stays,
 * marked so that they look for their new place first. One in the middle of a record writes on into
 * the region's place, which stays, as memory of nobody, until the next time.
 */
#include "preload/attach.h"
#include "preload/already.h"
#include "preload/binding.h"
#include "preload/environment.h"
#include "preload/hooks/hook.h"
#include "preload/init.h"
#include "preload/patch/adopt.h"
#include "preload/process.h"
#include "preload/python/python.h"

#include <sys/mman.h>

static struct rt_region *entered;

/* Where the last region was. */
static void *left;
static __u64 left_size;

static __u64 number_of(const char **text, unsigned base)
{
	__u64 number = 0;

	for (;; (*text)++) {
		char digit = **text;
		unsigned value = digit >= '0' && digit <= '9' ? (unsigned)(digit - '0')
			: digit >= 'a' && digit <= 'f'	      ? (unsigned)(digit - 'a') + 10
							      : base;

		if (value >= base)
			return number;
		number = number * base + value;
	}
}

static void leave(void)
{
	struct rt_region *region = entered;
	__u64 size = region->size;

	python_leave();
	adopt_return();
	region_leave();
	payload_forget();
	process_leave();
	entered = NULL;
	/* what a thread in the middle of a record still writes there is nobody's */
	raw6(mmap, region, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	left = region;
	left_size = size;
}

/* A tracer that was killed has not taken its hooks out. */
static bool is_deserted(void)
{
	return (__s64)(ticks_now() - entered->beat) > 2 * (__s64)entered->ticks_per_second;
}

/* "FD COOKIE": the region's descriptor, which is closed, and what it must say. */
EXPORT long ragtime_enter_1(const char *text)
{
	long fd = (long)number_of(&text, 10);
	struct rt_region *region;
	__u64 cookie;

	if (*text++ != ' ')
		return RT_ENTER_BAD;
	cookie = number_of(&text, 16);
	if (entered && is_deserted())
		leave();
	if (region_mapped()) {
		raw1(close, fd);
		return RT_ENTER_TAKEN;
	}
	if (!python_leave()) {
		raw1(close, fd);
		return RT_ENTER_BUSY;
	}
	region = originals_adopt() && !clock_is_forbidden() ? region_map((int)fd, cookie) : NULL;
	raw1(close, fd);
	if (!region)
		return RT_ENTER_BAD;
	if (process_open(region->slots)) {
		raw2(munmap, region, region->size);
		return RT_ENTER_BAD;
	}
	if (left)
		raw2(munmap, left, left_size);
	left = NULL;
	self_locate();
	process_watch();
	rt_region = entered = region;
	rt_came_late = true;
	payload_init();
	process_begin(RT_BIRTH_INJECT);
	already_open();
	if (!adopt_objects())
		return RT_ENTER_BAD;
	python_enter();
	return RT_ENTER_DONE;
}

EXPORT long ragtime_leave_1(const char *unused)
{
	(void)unused;
	if (!entered)
		return RT_ENTER_BAD;
	leave();
	return RT_ENTER_DONE;
}
