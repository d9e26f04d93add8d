/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way in of a shim that comes late, and out again. Both need the interpreter's lock, for which
 * any thread may have to wait: one of our own does. It makes what is there what is wanted, and
 * ends; where native code keeps the lock for long, that comes late, and nobody waits for it.
 */
#include "preload/hooks/hook.h"
#include "preload/python/install.h"
#include "preload/python/python.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#pragma weak pthread_detach

#define PATIENCE_MS 2000
#define LOOK_AGAIN_NS 200000

static __u32 wanted, there; /* are the hooks to be in, are they */
static __u32 working;	    /* the process in which a thread is at it: a forked child has none */

static bool is_ending(void)
{
	return py.Py_IsFinalizing     ? py.Py_IsFinalizing()
		: py._Py_IsFinalizing ? py._Py_IsFinalizing()
				      : false;
}

static void settle(void)
{
	int state = py.PyGILState_Ensure();
	__u32 want;

	while ((want = __atomic_load_n(&wanted, __ATOMIC_ACQUIRE)) != there) {
		if (want)
			py_install();
		else
			py_remove();
		__atomic_store_n(&there, want, __ATOMIC_RELEASE);
	}
	py.PyGILState_Release(state);
}

static bool is_settled(void)
{
	return __atomic_load_n(&wanted, __ATOMIC_ACQUIRE) ==
		__atomic_load_n(&there, __ATOMIC_ACQUIRE);
}

static bool take_turn(void)
{
	__u32 self = (__u32)raw0(getpid);

	return __atomic_exchange_n(&working, self, __ATOMIC_ACQUIRE) != self;
}

static void *work(void *unused)
{
	(void)unused;
	do {
		if (!is_ending())
			settle();
		__atomic_store_n(&working, 0, __ATOMIC_RELEASE);
	} while (!is_settled() && !is_ending() && take_turn());
	return NULL;
}

/* Signals are the program's own threads'. */
static void work_begin(void)
{
	__u64 all = ~0ull, before;
	pthread_t thread;
	int err;

	if (!take_turn())
		return;
	raw4(rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
	err = real_pthread_create(&thread, NULL, work, NULL);
	raw4(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
	if (err)
		__atomic_store_n(&working, 0, __ATOMIC_RELEASE);
	else if (pthread_detach)
		pthread_detach(thread);
}

static bool wait_until(bool (*reached)(void))
{
	const struct timespec pause = {0, LOOK_AGAIN_NS};
	unsigned left = PATIENCE_MS * (1000000 / LOOK_AGAIN_NS);

	while (!reached() && left--)
		raw2(nanosleep, &pause, NULL);
	return reached();
}

static bool is_begun(void)
{
	return py.Py_IsInitialized();
}

void python_enter(void)
{
	if (region_off() || rt_region->flags & RT_REGION_NO_RUNTIME || !py_api_find() ||
		!py.PyGILState_Ensure || !py.PyGILState_Release || !py.Py_IsInitialized)
		return;
	if (!wait_until(is_begun) || is_ending())
		return;
	py_data_find();
	__atomic_store_n(&wanted, 1, __ATOMIC_RELEASE);
	work_begin();
	wait_until(is_settled);
}

bool python_leave(void)
{
	if (__atomic_exchange_n(&wanted, 0, __ATOMIC_ACQ_REL) && !there)
		mark_emit(RT_EV_runtime, 0, RT_RUNTIME_BUSY, NULL);
	if (is_settled())
		return true;
	work_begin();
	return wait_until(is_settled);
}
