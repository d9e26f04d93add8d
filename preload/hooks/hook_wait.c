/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose purpose is to wait: for events, for time, for signals, for children. */
#include "preload/hooks/hook.h"

#define WAIT(event, type, name, params, args, arg) \
	RECORD(wait, event, type, name, params, args, arg)

/* What was polled, where that is one descriptor. Only the kernel knows whether it may be looked at,
 * so it is looked at once the kernel has. */
static __u64 polled(const struct pollfd *fds, nfds_t count, int ready)
{
	__u64 arg = (__u32)count;

	return count == 1 && ready >= 0 ? arg | (__u64)(__u32)(fds->fd + 1) << 32 : arg;
}

#define POLL(name, params, args)                                                      \
	static NOINLINE int record_##name params                                      \
	{                                                                             \
		struct rt_call call;                                                  \
		int ready;                                                            \
                                                                                      \
		if (!call_enter(&call, RT_EV_poll, RT_FAMILY_wait, (__u32)count))     \
			return real_##name args;                                      \
		ready = real_##name args;                                             \
		call_leave(&call, polled(fds, count, ready), result_or_errno(ready)); \
		return ready;                                                         \
	}                                                                             \
	ENTRY(int, name, params, args)

POLL(poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))
POLL(__poll_chk, (struct pollfd * fds, nfds_t count, int timeout, size_t room),
	(fds, count, timeout, room))
POLL(ppoll,
	(struct pollfd * fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask),
	(fds, count, timeout, mask))
POLL(__ppoll_chk,
	(struct pollfd * fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
		size_t room),
	(fds, count, timeout, mask, room))
WAIT(select, int, select,
	(int count, fd_set *in, fd_set *out, fd_set *other, struct timeval *timeout),
	(count, in, out, other, timeout), count)
WAIT(select, int, pselect,
	(int count, fd_set *in, fd_set *out, fd_set *other, const struct timespec *timeout,
		const sigset_t *mask),
	(count, in, out, other, timeout, mask), count)
WAIT(epoll_wait, int, epoll_wait, (int fd, struct epoll_event *events, int room, int timeout),
	(fd, events, room, timeout), (__u32)fd)
WAIT(epoll_wait, int, epoll_pwait,
	(int fd, struct epoll_event *events, int room, int timeout, const sigset_t *mask),
	(fd, events, room, timeout, mask), (__u32)fd)
WAIT(epoll_wait, int, epoll_pwait2,
	(int fd, struct epoll_event *events, int room, const struct timespec *timeout,
		const sigset_t *mask),
	(fd, events, room, timeout, mask), (__u32)fd)
WAIT(eventfd_read, int, eventfd_read, (int fd, eventfd_t *value), (fd, value), (__u32)fd)

/* Their result is the new descriptor. */
#define MAKE(event, name, params, args)                                           \
	static NOINLINE int record_##name params                                  \
	{                                                                         \
		struct rt_call call;                                              \
		int fd;                                                           \
                                                                                  \
		if (!call_enter(&call, RT_EV_##event, RT_FAMILY_wait, (__u32)-1)) \
			return real_##name args;                                  \
		fd = real_##name args;                                            \
		call_leave(&call, (__u32)fd, result_or_errno(fd));                \
		return fd;                                                        \
	}                                                                         \
	ENTRY(int, name, params, args)

MAKE(epoll_create, epoll_create, (int size), (size))
MAKE(epoll_create, epoll_create1, (int flags), (flags))
MAKE(eventfd, eventfd, (unsigned value, int flags), (value, flags))

WAIT(nanosleep, int, nanosleep, (const struct timespec *time, struct timespec *left), (time, left),
	0)
RECORD_AS(wait, nanosleep, int, clock_nanosleep,
	(clockid_t clock, int flags, const struct timespec *time, struct timespec *left),
	(clock, flags, time, left), 0, -(__s64)result)
WAIT(nanosleep, int, usleep, (useconds_t time), (time), 0)
RECORD_AS(wait, nanosleep, unsigned, sleep, (unsigned seconds), (seconds), 0, (__s64)result)
WAIT(pause, int, pause, (void), (), 0)
WAIT(pause, int, sigsuspend, (const sigset_t *mask), (mask), 0)
RECORD_AS(wait, sigwait, int, sigwait, (const sigset_t *set, int *number), (set, number), 0,
	-(__s64)result)
WAIT(sigwait, int, sigwaitinfo, (const sigset_t *set, siginfo_t *info), (set, info), 0)
WAIT(sigwait, int, sigtimedwait,
	(const sigset_t *set, siginfo_t *info, const struct timespec *timeout),
	(set, info, timeout), 0)

WAIT(sem_wait, int, sem_wait, (sem_t * lock), (lock), (uintptr_t)lock)
WAIT(sem_wait, int, sem_timedwait, (sem_t * lock, const struct timespec *until), (lock, until),
	(uintptr_t)lock)
WAIT(sem_wait, int, sem_clockwait, (sem_t * lock, clockid_t clock, const struct timespec *until),
	(lock, clock, until), (uintptr_t)lock)

WAIT(wait, pid_t, wait, (int *status), (status), (__u32)-1)
WAIT(wait, pid_t, waitpid, (pid_t child, int *status, int flags), (child, status, flags),
	(__u32)child)
WAIT(wait, int, waitid, (idtype_t type, id_t id, siginfo_t *info, int flags),
	(type, id, info, flags), (__u32)id)
WAIT(wait, pid_t, wait3, (int *status, int flags, struct rusage *usage), (status, flags, usage),
	(__u32)-1)
WAIT(wait, pid_t, wait4, (pid_t child, int *status, int flags, struct rusage *usage),
	(child, status, flags, usage), (__u32)child)
