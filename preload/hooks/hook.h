/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hooks are made of.
 *
 * real_NAME is the original. It is callable at any time: until it is resolved it points to a stub
 * that does so and goes on, so that no hook needs to look. A function that this libc lacks fails
 * with ENOSYS.
 *
 * RECORD and COUNT make a whole hook of a function that needs nothing special. A hook written out
 * has the same two halves: the exported one, which is a tail jump to the original while the tracer
 * is off, and record_NAME.
 */
#ifndef PRELOAD_HOOKS_HOOK_H
#define PRELOAD_HOOKS_HOOK_H

#include "preload/emit.h"
#include "preload/hooks/prototypes.h"
#include "preload/payload.h"

#define HOOKS(file)
#define HOOK(name)                                                           \
	extern __typeof__(name) name __attribute__((visibility("default"))); \
	extern HIDDEN __typeof__(name) *real_##name;
#define USED(name) extern HIDDEN __typeof__(name) *real_##name;
#include "hooks.def"
#undef USED
#undef HOOK
#undef HOOKS

/* The half that the program calls. */
#define ENTRY(type, name, params, args)          \
	type name params                         \
	{                                        \
		if (region_off())                \
			return real_##name args; \
		return record_##name args;       \
	}

/* outcome: an expression of `result` as the record holds it; then: a statement after the record */
#define RECORD_HALF(family, event, type, name, params, args, arg, outcome, then)         \
	static NOINLINE type record_##name params                                        \
	{                                                                                \
		struct rt_call call;                                                     \
		type result;                                                             \
                                                                                         \
		if (!call_enter(&call, RT_EV_##event, RT_FAMILY_##family, (__u64)(arg))) \
			return real_##name args;                                         \
		result = real_##name args;                                               \
		call_leave(&call, (__u64)(arg), (outcome));                              \
		then;                                                                    \
		return result;                                                           \
	}

#define RECORD_THEN(family, event, type, name, params, args, arg, outcome, then) \
	RECORD_HALF(family, event, type, name, params, args, arg, outcome, then) \
	ENTRY(type, name, params, args)

#define RECORD_AS(family, event, type, name, params, args, arg, outcome) \
	RECORD_THEN(family, event, type, name, params, args, arg, outcome, (void)0)

/*
 * A function that moves bytes over what may be a connection. leaves: does one of payload.h tell of
 * them with the call? Else `copy`, another one, does so after it.
 */
#define RECORD_MOVE_HALF(family, event, name, params, args, leaves, copy)             \
	static NOINLINE ssize_t record_##name params                                  \
	{                                                                             \
		struct rt_call call;                                                  \
		ssize_t result;                                                       \
                                                                                      \
		if (!call_enter(&call, RT_EV_##event, RT_FAMILY_##family, (__u32)fd)) \
			return real_##name args;                                      \
		result = real_##name args;                                            \
		if (leaves)                                                           \
			return result;                                                \
		call_leave(&call, (__u32)fd, result_or_errno(result));                \
		copy;                                                                 \
		return result;                                                        \
	}

#define RECORD_MOVE(family, event, name, params, args, leaves, copy)      \
	RECORD_MOVE_HALF(family, event, name, params, args, leaves, copy) \
	ENTRY(ssize_t, name, params, args)

/* A function that says -1 and errno. */
#define RECORD(family, event, type, name, params, args, arg) \
	RECORD_AS(family, event, type, name, params, args, arg, result_or_errno(result))

/* A function that returns an error number. */
#define RECORD_PTHREAD(family, event, name, params, args, arg) \
	RECORD_AS(family, event, int, name, params, args, arg, -(__s64)result)

/* A function that is counted only. */
#define COUNT(family, event, type, name, params, args)            \
	type name params                                          \
	{                                                         \
		call_count(RT_EV_##event, RT_FAMILY_##family, 0); \
		return real_##name args;                          \
	}

/* What serves an allocation while `pointer`, the original's place, is being resolved; or NULL. */
COLD void *original_stopgap(const void *pointer);

/* False where the shim cannot work in this process. */
COLD bool originals_resolve(void);
/* The same where it was brought into a process that runs. */
COLD bool originals_adopt(void);

/*
 * A path given to a call that came back with `result`, as a tail. NULL where the path may be a wild
 * pointer: only what the kernel has read is read again.
 */
COLD const struct rt_bytes *path_tail(struct rt_bytes *tail, const char *path, __s64 result);
COLD const struct rt_bytes *text_tail(struct rt_bytes *tail, unsigned type, const char *text);

#endif
