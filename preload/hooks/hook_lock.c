/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks: a call that gets its lock at once is neither recorded nor timed. It is tried first, and
 * what the trial says stands unless it says "busy": then the lock itself decides, so that
 * recursive, error-checking and robust locks keep their ways.
 */
#include "preload/hooks/hook.h"
#include "preload/python/python.h"

#include <errno.h>

#define LOCK(event, name, trial, params, args, lock)                                      \
	static NOINLINE int record_##name params                                          \
	{                                                                                 \
		struct rt_call call;                                                      \
		int result;                                                               \
                                                                                          \
		if (!call_enter(&call, RT_EV_##event, RT_FAMILY_lock, (uintptr_t)(lock))) \
			return real_##name args;                                          \
		result = real_##name args;                                                \
		call_leave(&call, (uintptr_t)(lock), -(__s64)result);                     \
		return result;                                                            \
	}                                                                                 \
	int name params                                                                   \
	{                                                                                 \
		int result;                                                               \
                                                                                          \
		if (region_off())                                                         \
			return real_##name args;                                          \
		result = real_##trial(lock);                                              \
		if (likely(result != EBUSY))                                              \
			return result;                                                    \
		return record_##name args;                                                \
	}

LOCK(mutex_lock, pthread_mutex_lock, pthread_mutex_trylock, (pthread_mutex_t * lock), (lock), lock)
LOCK(mutex_lock, pthread_mutex_timedlock, pthread_mutex_trylock,
	(pthread_mutex_t * lock, const struct timespec *until), (lock, until), lock)
LOCK(mutex_lock, pthread_mutex_clocklock, pthread_mutex_trylock,
	(pthread_mutex_t * lock, clockid_t clock, const struct timespec *until),
	(lock, clock, until), lock)
LOCK(rwlock_rdlock, pthread_rwlock_rdlock, pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock),
	(lock), lock)
LOCK(rwlock_rdlock, pthread_rwlock_timedrdlock, pthread_rwlock_tryrdlock,
	(pthread_rwlock_t * lock, const struct timespec *until), (lock, until), lock)
LOCK(rwlock_rdlock, pthread_rwlock_clockrdlock, pthread_rwlock_tryrdlock,
	(pthread_rwlock_t * lock, clockid_t clock, const struct timespec *until),
	(lock, clock, until), lock)
LOCK(rwlock_wrlock, pthread_rwlock_wrlock, pthread_rwlock_trywrlock, (pthread_rwlock_t * lock),
	(lock), lock)
LOCK(rwlock_wrlock, pthread_rwlock_timedwrlock, pthread_rwlock_trywrlock,
	(pthread_rwlock_t * lock, const struct timespec *until), (lock, until), lock)
LOCK(rwlock_wrlock, pthread_rwlock_clockwrlock, pthread_rwlock_trywrlock,
	(pthread_rwlock_t * lock, clockid_t clock, const struct timespec *until),
	(lock, clock, until), lock)
LOCK(spin_lock, pthread_spin_lock, pthread_spin_trylock, (pthread_spinlock_t * lock), (lock), lock)

/* Waits by their nature. */
#define CONDITION(name, params, args)                                                         \
	static NOINLINE int record_##name params                                              \
	{                                                                                     \
		unsigned kind = python_is_lock(condition) ? RT_EV_gil_wait : RT_EV_cond_wait; \
		struct rt_call call;                                                          \
		int result;                                                                   \
                                                                                              \
		if (!call_enter(&call, kind, RT_FAMILY_lock, (uintptr_t)condition))           \
			return real_##name args;                                              \
		result = real_##name args;                                                    \
		call_leave(&call, (uintptr_t)condition, -(__s64)result);                      \
		return result;                                                                \
	}                                                                                     \
	ENTRY(int, name, params, args)

CONDITION(pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t *lock), (condition, lock))
CONDITION(pthread_cond_timedwait,
	(pthread_cond_t * condition, pthread_mutex_t *lock, const struct timespec *until),
	(condition, lock, until))
CONDITION(pthread_cond_clockwait,
	(pthread_cond_t * condition, pthread_mutex_t *lock, clockid_t clock,
		const struct timespec *until),
	(condition, lock, clock, until))
RECORD_PTHREAD(lock, barrier_wait, pthread_barrier_wait, (pthread_barrier_t * barrier), (barrier),
	(uintptr_t)barrier)
