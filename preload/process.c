/* SPDX-License-Identifier: Apache-2.0 */
/* Identity of the process, across forks by any way, and the marks of its births and deaths. */
#include "preload/process.h"
#include "preload/environment.h"

#include <linux/mman.h>
#include <sys/mman.h>

struct rt_process *rt_process;

static bool forked; /* the memory is the child's own copy, so the word is too */

int process_open(unsigned slots)
{
	size_t size = sizeof(*rt_process) + slots * sizeof(struct rt_thread);
	long at = raw6(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long err;

	if (at < 0 && at > -4096)
		return (int)at;
	/* Without this a child of a raw clone would write into its parent's slots. */
	err = raw3(madvise, at, size, MADV_WIPEONFORK);
	if (err) {
		raw2(munmap, at, size);
		return (int)err;
	}
	rt_process = (struct rt_process *)at;
	rt_process->pid = (__u32)raw0(getpid);
	return 0;
}

bool process_is_new(void)
{
	if (likely(rt_process->pid))
		return false;
	rt_process->pid = (__u32)raw0(getpid);
	forked = true;
	return true;
}

bool process_follows(void)
{
	if (!forked || !(rt_region->flags & RT_REGION_NO_FOLLOW))
		return true;
	region_leave();
	return false;
}

void process_used(unsigned threads)
{
	__u32 used = __atomic_load_n(&rt_process->used, __ATOMIC_RELAXED);

	while (used < threads &&
		!__atomic_compare_exchange_n(&rt_process->used, &used, threads, true,
			__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

bool process_is_own(void)
{
	return rt_process && rt_process->pid && rt_process->pid == (__u32)raw0(getpid);
}

void thread_announce(bool process_is_new)
{
	if (process_is_new)
		mark_emit(RT_EV_process_start, (__u64)raw0(getppid), RT_BIRTH_FORK,
			environment_program());
	else if (!rt_self.announced)
		mark_emit(RT_EV_thread_start, rt_self.creator, 0, NULL);
	rt_self.announced = 1;
}

void process_exit(int status)
{
	if (!process_is_own())
		return;
	mark_emit(RT_EV_process_exit, 0, status, NULL);
	/* Other threads may still write: the tracer frees a slot only when its process is gone. */
	for (unsigned index = 0; index < rt_process->used; index++) {
		struct rt_slot *slot = rt_process->threads[index].slot;

		if (slot)
			__atomic_store_n(&slot->state, RT_SLOT_EXITED, __ATOMIC_RELEASE);
	}
}
