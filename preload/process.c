/* SPDX-License-Identifier: Apache-2.0 */
/* Identity of the process, across forks by any way, and the marks of its births and deaths. */
#include "preload/process.h"
#include "preload/endpoint.h"
#include "preload/environment.h"
#include "preload/hooks/hook.h"
#include "preload/python/python.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/mman.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define KEYS_AT_HAND 32

struct rt_process *rt_process;

__u64 process_pid_space;

/* A forked child has its own copy of these. */
static bool forked;
static __u32 own_pid;
static __u32 parent_pid;

/*
 * glibc keeps a thread's id in its control block, and a sandboxed thread may not be allowed to ask
 * the kernel. The place has not moved in any 64-bit glibc; where it does not fit, the kernel is
 * asked.
 */
#define CONTROL_BLOCK_TID "0x2d0"
static bool control_block_fits;

static __u32 control_block_tid(void)
{
	__u32 tid;

	__asm__ volatile("movl %%fs:" CONTROL_BLOCK_TID ", %0" : "=r"(tid));
	return tid;
}

__u32 thread_id(void)
{
	if (!rt_self.tid)
		rt_self.tid = control_block_fits ? control_block_tid() : (__u32)raw0(gettid);
	return rt_self.tid;
}

static void pid_space_read(void)
{
	struct stat st;

	process_pid_space = 0;
	if (!raw4(newfstatat, AT_FDCWD, "/proc/self/ns/pid", &st, 0))
		process_pid_space = st.st_ino;
}

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
	own_pid = (__u32)raw0(getpid);
	rt_process->pid = own_pid;
	parent_pid = (__u32)raw0(getppid);
	rt_self.tid = (__u32)raw0(gettid);
	control_block_fits = gnu_get_libc_version && control_block_tid() == rt_self.tid;
	pid_space_read();
	return 0;
}

bool process_is_forked(void)
{
	if (likely(rt_process->pid))
		return false;
	parent_pid = own_pid;
	/* fork has told the control block; a raw clone has not. */
	own_pid = control_block_fits && rt_self.tid ? control_block_tid() : 0;
	if (!own_pid || own_pid == rt_self.tid)
		own_pid = (__u32)raw0(getpid);
	rt_process->pid = own_pid;
	rt_self.tid = own_pid;
	/* the first of a namespace has its parent outside; its own children inherit what is found
	 */
	if (!raw0(getppid))
		pid_space_read();
	forked = true;
	python_forked();
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

void process_shares(void)
{
	if (rt_process)
		rt_process->shares = 1;
}

/* Asks the kernel only where it must: a sandbox may not let us. */
static bool process_is_own(void)
{
	return !rt_process->shares || rt_process->pid == (__u32)raw0(getpid);
}

bool process_is_guest(void)
{
	if (rt_self.lent && (!rt_process->pid || process_is_own()))
		rt_self.lent = false;
	return rt_self.lent;
}

/* Was it written already, and a signal handler that jumps came before it was closed? */
static bool is_written(const struct rt_thread *thread, const struct rt_open *open)
{
	const struct rt_record *last = thread->next - 1;

	return thread->chunk && last >= thread->chunk->records && last->start == open->start &&
		last->kind == (__u16)open->kind;
}

/*
 * The open calls from `depth` on never return: they are over now. Functions are recorded so; what
 * libc's would have said is not known.
 */
static void calls_abandon(struct rt_thread *thread, unsigned depth)
{
	const struct rt_slot *slot = thread->slot;
	unsigned at = slot->depth < RT_OPEN_MAX ? slot->depth : RT_OPEN_MAX;

	while (at-- > depth) {
		const struct rt_open *open = &slot->open[at];
		struct rt_call call = {
			.start = open->start, .thread = thread, .depth = at, .kind = open->kind};

		if (open->kind >= RT_KIND_FUNCTION && !is_written(thread, open))
			call_leave_cold(&call, ticks_now(), open->arg, 0, NULL);
		else
			call_drop(&call);
	}
}

/*
 * Destructors of thread-specific data run in rounds while there is data: by asking for every round
 * ours comes last, and the others' calls are still recorded.
 */
static pthread_key_t end_key;
static bool end_key_is_made;

static void thread_end(void *round)
{
	uintptr_t next = (uintptr_t)round + 1;

	if (next <= PTHREAD_DESTRUCTOR_ITERATIONS &&
		!real_pthread_setspecific(end_key, (void *)next))
		return;
	python_thread_ends();
	if (rt_self.thread->slot) {
		/* a call that was cancelled is over too */
		calls_abandon(rt_self.thread, 0);
		mark_emit(RT_EV_thread_exit, 0, 0, NULL);
		thread_release();
	}
	rt_self.ended = true;
}

static void thread_watch(void)
{
	if (end_key_is_made)
		real_pthread_setspecific(end_key, (void *)1);
}

static void process_mark(enum rt_birth birth)
{
	mark_emit(RT_EV_process_start, parent_pid, birth, environment_program());
}

void thread_announce(bool process_is_forked)
{
	if (process_is_forked)
		process_mark(RT_BIRTH_FORK);
	else if (!rt_self.announced)
		mark_emit(RT_EV_thread_start, rt_self.creator, 0, NULL);
	rt_self.announced = true;
	thread_watch();
}

void thread_begin(void)
{
	if (!region_off())
		thread_claim(frame_here());
}

void process_begin(enum rt_birth birth)
{
	rt_self.announced = true;
	thread_begin();
	if (birth != RT_BIRTH_FORK && !region_off())
		process_mark(birth);
}

static bool forbids_clock(long number, unsigned long first, unsigned long second)
{
	if (number == SYS_seccomp)
		return first == SECCOMP_SET_MODE_STRICT;
	return number == SYS_prctl &&
		((first == PR_SET_SECCOMP && second == SECCOMP_MODE_STRICT) ||
			(first == PR_SET_TSC && second == PR_TSC_SIGSEGV));
}

static bool sets_filter(long number, unsigned long first)
{
	return number == SYS_seccomp ? first <= SECCOMP_SET_MODE_FILTER : first == PR_SET_SECCOMP;
}

void clock_forbid(long number, unsigned long first, unsigned long second)
{
	if (sets_filter(number, first))
		endpoint_forbid();
	if (!region_mapped() || !forbids_clock(number, first, second))
		return;
	/* New threads inherit PR_SET_TSC; under strict seccomp there are none. */
	if (number == SYS_prctl && first == PR_SET_TSC)
		region_leave();
	thread_release();
	rt_self.ended = true;
}

bool clock_is_forbidden(void)
{
	int mode = 0;

	return !raw2(prctl, PR_GET_TSC, &mode) && mode == PR_TSC_SIGSEGV;
}

void thread_jumps(uintptr_t to)
{
	struct rt_thread *thread = rt_self.thread;
	struct rt_slot *slot = thread->slot;
	unsigned depth = 0;

	if (rt_self.claiming && frame_is_over(rt_self.claiming, to))
		rt_self.claiming = 0;
	if (!slot)
		return;
	if (thread->busy && frame_is_over(thread->busy, to))
		thread->busy = 0;
	/* What is newer than an open call that is left is left too, on whatever stack it is. */
	while (depth < slot->depth && depth < RT_OPEN_MAX &&
		!frame_is_over(slot->open[depth].frame, to))
		depth++;
	if (depth < slot->depth && depth < RT_OPEN_MAX)
		calls_abandon(thread, depth);
}

extern int on_exit(void (*)(int, void *), void *) __attribute__((weak));

static void at_exit(int status, void *unused)
{
	(void)unused;
	process_end(status, false);
}

/* What threads of a region that was left write into until they notice. */
static struct rt_slot nobodys;

void process_leave(void)
{
	for (unsigned index = 0; index < rt_process->used; index++) {
		struct rt_thread *thread = &rt_process->threads[index];

		thread->limit = NULL;
		if (thread->slot)
			__atomic_store_n(&thread->slot, &nobodys, __ATOMIC_RELEASE);
	}
}

bool thread_is_left(const struct rt_thread *thread)
{
	const struct rt_thread *first = rt_process->threads;

	return thread->slot && (thread < first || thread >= first + rt_region->slots);
}

void process_watch(void)
{
	static bool watching;

	if (watching)
		return;
	watching = true;
	/* The first keys need no allocation when they are set, which a signal handler may do. */
	end_key_is_made = !real_pthread_key_create(&end_key, thread_end) && end_key < KEYS_AT_HAND;
	if (on_exit)
		on_exit(at_exit, NULL);
}

void process_end(int status, bool at_once)
{
	static bool told;

	if (!region_mapped() || !rt_process->pid || !process_is_own())
		return;
	if (!told)
		python_ends();
	if (!told && !region_off())
		mark_emit(RT_EV_process_exit, 0, status, NULL);
	told = true;
	if (!at_once)
		return;
	for (unsigned index = 0; index < rt_process->used; index++) {
		struct rt_slot *slot = rt_process->threads[index].slot;

		if (slot)
			__atomic_store_n(&slot->state, RT_SLOT_EXITED, __ATOMIC_RELEASE);
	}
}
