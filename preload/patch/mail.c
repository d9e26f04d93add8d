/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits by futex, a millisecond at a time: the tracer may have only this thread's processor to run
 * on. It is the one system call here, and dlopen's own locks imply it.
 */
#include "preload/patch/mail.h"

#include <limits.h>
#include <linux/futex.h>
#include <time.h>

#define WAITS_MAX 2000 /* about two seconds */
#define SPINS 2000

/* A tracer that did not answer in time is not waited for again in this process. */
static bool tracer_is_slow;
/* The mailbox is ours: one thread of a process uses it at a time. */
static bool held;

static void mail_wait(struct rt_region *region, __u32 state)
{
	const struct timespec moment = {0, 1000000};

	for (unsigned spin = 0; spin < SPINS; spin++) {
		if (__atomic_load_n(&region->mail_state, __ATOMIC_RELAXED) != state)
			return;
		__builtin_ia32_pause();
	}
	raw4(futex, &region->mail_state, FUTEX_WAIT, state, &moment);
}

static bool mail_take(struct rt_region *region, __u32 from, __u32 to)
{
	return __atomic_compare_exchange_n(
		&region->mail_state, &from, to, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* The tracer tells many times a second that it is there. */
static bool tracer_is_gone(const struct rt_region *region)
{
	__u64 beat = __atomic_load_n(&region->beat, __ATOMIC_RELAXED);

	return beat && region->ticks_per_second &&
		(__s64)(ticks_now() - beat) > (__s64)region->ticks_per_second;
}

bool mail_open(void)
{
	struct rt_region *region = rt_region;

	held = false;
	for (unsigned waits = 0; !tracer_is_slow && waits < WAITS_MAX; waits++) {
		if (tracer_is_gone(region))
			break;
		if (mail_take(region, RT_MAIL_IDLE, RT_MAIL_WRITING)) {
			region->mail_pid = (__u32)raw0(getpid);
			held = true;
			return true;
		}
		mail_wait(region, __atomic_load_n(&region->mail_state, __ATOMIC_RELAXED));
	}
	tracer_is_slow = true;
	return false;
}

static void mail_post(struct rt_region *region)
{
	__atomic_store_n(&region->mail_state, RT_MAIL_ASKED, __ATOMIC_RELEASE);
	raw3(futex, &region->mail_state, FUTEX_WAKE, INT_MAX);
}

unsigned mail_ask(unsigned size)
{
	struct rt_region *region = rt_region;

	region->mail_size = size;
	mail_post(region);
	for (unsigned waits = 0; waits < WAITS_MAX && !tracer_is_gone(region); waits++) {
		if (mail_take(region, RT_MAIL_ANSWERED, RT_MAIL_WRITING))
			return region->mail_size <= RT_MAIL_SIZE ? region->mail_size : 0;
		mail_wait(region, RT_MAIL_ASKED);
	}
	tracer_is_slow = true;
	held = false;
	if (!mail_take(region, RT_MAIL_ASKED, RT_MAIL_ABANDONED))
		__atomic_store_n(&region->mail_state, RT_MAIL_IDLE, __ATOMIC_RELEASE);
	return 0;
}

void mail_tell(unsigned size)
{
	struct rt_region *region = rt_region;

	held = false;
	region->mail_size = size;
	mail_post(region);
}

void mail_close(void)
{
	*(struct rt_ask *)rt_region->mail = (struct rt_ask){RT_ASK_OUTCOME, 0};
	mail_tell(sizeof(struct rt_ask));
}

bool mail_held(void)
{
	return held;
}
