/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way a hook reports a call:
 *
 *	struct rt_call call;
 *
 *	if (region_off() || !call_enter(&call, RT_EV_read, RT_FAMILY_file, fd))
 *		return real_read(fd, data, size);
 *	result = real_read(fd, data, size);
 *	call_leave(&call, fd, result_or_errno(result));
 *	return result;
 *
 * The straight path is inline: two rdtsc, an entry in the slot's stack of open calls, one record.
 * All else goes through one cold function: other modes, a new thread or process, a full chunk, a
 * tail, an interrupted emission.
 *
 * Signals. `busy` is set while a record is written; what a signal handler reports in that window is
 * counted in rt_slot.lost_nested and dropped. It holds the stack address of the interrupted writer,
 * so that an emission abandoned by a longjmp is recognised by the same rule as an abandoned open
 * call: an entry whose frame lies at or below the present one is dead.
 *
 * Forks. struct rt_thread lives in memory that a forked child finds zeroed: no slot, so that its
 * first call claims one of its own. A vfork child shares its parent's.
 *
 * Not here: what a call means, payload, and everything that needs a system call.
 */
#ifndef PRELOAD_EMIT_H
#define PRELOAD_EMIT_H

#include "preload/raw.h"
#include "wire/ring.h"

#define HIDDEN __attribute__((visibility("hidden")))
/* Not "cold": that would make them small instead of quick, and tails and samples come by here. */
#define COLD __attribute__((noinline, visibility("hidden")))
#define NOINLINE __attribute__((noinline))
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Stack frames farther apart than this belong to different stacks. */
#define RT_STACK_SPAN (16u << 20)

/* One cache line; nobody but its thread touches it. Zeroed by fork. */
struct rt_thread {
	struct rt_record *next;
	struct rt_record *limit; /* end of the chunk, or NULL to send every call the cold way */
	struct rt_chunk *chunk;
	struct rt_slot *slot; /* NULL: none claimed */
	uintptr_t busy;	      /* frame of the writer of an unfinished record */
	__s64 sample_left;    /* bytes of allocations until the next sampled one */
	__u32 turn;	      /* calls until the next sampled one */
	__u32 rate;	      /* in force at this thread's last record; 0 is 1 */
	__u64 retry;	      /* ticks at which to look for a free chunk again */
};

_Static_assert(sizeof(struct rt_thread) == 64, "one cache line a thread");

/* What a thread keeps across fork. */
struct rt_self {
	struct rt_thread *thread; /* never NULL */
	uintptr_t claiming;	  /* as rt_thread.busy, while a slot is claimed */
	__u32 tid;		  /* 0: not asked for */
	uintptr_t alternate;	  /* stack of signal handlers: its address and size */
	size_t alternate_size;
	__u32 creator;	/* tid of the thread that made this one */
	bool announced; /* its thread_start is written, or not due */
	bool ended;	/* its thread_exit is written: nothing more is recorded */
	bool resolving; /* looking for originals */
	bool lent;	/* a vfork child may be running here */
	void *runtime;	/* what the language runtime's part knows of this thread, or NULL */
	uintptr_t runtime_stack; /* below it the runtime's part stays out of the way; 0: unknown */
	__u64 asking;		 /* the runtime's span that is about to begin one of its own */
	int session_fd; /* the TLS session that begins next is that of this socket; 0: unknown */
};

extern HIDDEN __thread struct rt_self rt_self;

/*
 * Where rt_self lies from the thread pointer, if in all threads alike: so it is where the program
 * started with the shim. 0: unknown. It spares each hook the call through the TLS descriptor,
 * which is mispredicted after a system call.
 */
extern HIDDEN ptrdiff_t rt_self_offset;

/* The region, or an all-zero stand-in whose mode is RT_MODE_OFF: never NULL. */
extern HIDDEN struct rt_region *rt_region;

/* Brought into a process that ran already: without a tracer its hooks shall be nothing to it. */
extern HIDDEN bool rt_came_late;

struct rt_call {
	__u64 start;
	struct rt_thread *thread;
	__u32 depth; /* place in the stack of open calls */
	__u32 kind;
};

/* A tail to write behind a record; bytes beyond RT_TAIL_MAX are cut. */
struct rt_bytes {
	const void *data;
	__u32 size;
	__u8 type; /* enum rt_tail_type */
	__u32 info;
};

COLD bool call_enter_cold(
	struct rt_call *call, unsigned kind, unsigned family, __u64 arg, uintptr_t frame);
COLD void call_leave_cold(const struct rt_call *call, __u64 end, __u64 arg, __s64 result,
	const struct rt_bytes *tail);
COLD unsigned open_prune(struct rt_slot *slot, unsigned depth, uintptr_t frame);

/* A record of no duration, outside the stack of open calls. tail may be NULL. */
COLD void mark_emit(unsigned kind, __u64 arg, __s64 result, const struct rt_bytes *tail);
/* Of a moment that has passed already: clock ticks, or 0 for now. */
COLD void mark_emit_at(
	unsigned kind, __u64 arg, __s64 result, const struct rt_bytes *tail, __u64 ticks);

/* The calling thread with a slot of its own, or one whose slot is NULL where there is none. */
COLD struct rt_thread *thread_claim(uintptr_t frame);

/* Sets rt_self_offset. */
COLD void self_locate(void);

/* Clock ticks as records hold them. */
COLD __u64 ticks_now(void);

/* Bytes of allocations that one sampled allocation stands for, about. */
#define ALLOCATION_SAMPLE (512 << 10)

ALWAYS_INLINE struct rt_slot *region_slots(const struct rt_region *region)
{
	return (struct rt_slot *)((char *)region + region->header_size);
}

ALWAYS_INLINE struct rt_thread *self_thread(void)
{
	ptrdiff_t offset = rt_self_offset;

	if (likely(offset))
		return ((const struct rt_self __seg_fs *)offset)->thread;
	return rt_self.thread;
}

/* May a vfork child be running here? */
ALWAYS_INLINE bool self_is_lent(void)
{
	ptrdiff_t offset = rt_self_offset;

	if (likely(offset))
		return ((const struct rt_self __seg_fs *)offset)->lent;
	return rt_self.lent;
}

/*
 * Is what began at `frame` over, for a thread that is at `here`? The quick answer takes both to be
 * on one stack, or stacks to be far apart; the exact one knows the stack of signal handlers, on
 * which the calls of the other one live on.
 */
COLD bool frame_is_over(uintptr_t frame, uintptr_t here);

#define frame_here() ((uintptr_t)__builtin_frame_address(0))
#define frame_is_dead(frame, here) ((here) - (frame) < RT_STACK_SPAN)

ALWAYS_INLINE __u64 tsc_read(void)
{
	return __builtin_ia32_rdtsc();
}

ALWAYS_INLINE void open_push(struct rt_slot *slot, unsigned depth, __u64 start, __u64 arg,
	uintptr_t frame, unsigned kind)
{
	if (likely(depth < RT_OPEN_MAX)) {
		struct rt_open *open = &slot->open[depth];

		open->start = start;
		open->arg = arg;
		open->frame = frame;
		open->kind = kind;
	}
	__atomic_store_n(&slot->depth, depth + 1, __ATOMIC_RELEASE);
}

ALWAYS_INLINE bool region_off(void)
{
	return unlikely(__atomic_load_n(&rt_region->mode, __ATOMIC_RELAXED) == RT_MODE_OFF);
}

/* For hooks whose frame is not their own: trampolines pass an address in their caller's stack. */
ALWAYS_INLINE bool call_enter_at(
	struct rt_call *call, unsigned kind, unsigned family, __u64 arg, uintptr_t frame)
{
	const struct rt_region *region = rt_region;
	__u32 mode = __atomic_load_n(&region->mode, __ATOMIC_RELAXED);
	struct rt_slot *slot;
	unsigned depth;

	call->kind = kind;
	call->thread = self_thread();
	slot = call->thread->slot;
	if (unlikely(mode != RT_MODE_ON || !(region->families & 1u << family) || !slot))
		return call_enter_cold(call, kind, family, arg, frame);
	depth = slot->depth;
	if (unlikely(depth) &&
		(depth > RT_OPEN_MAX || frame_is_dead(slot->open[depth - 1].frame, frame)))
		depth = open_prune(slot, depth, frame);
	call->depth = depth;
	call->start = tsc_read();
	open_push(slot, depth, call->start, arg, frame, kind);
	return true;
}

ALWAYS_INLINE bool call_enter(struct rt_call *call, unsigned kind, unsigned family, __u64 arg)
{
	return call_enter_at(call, kind, family, arg, frame_here());
}

/*
 * Room for `count` records in a row, which this thread is writing until room_end. NULL where they
 * must go the cold way.
 */
ALWAYS_INLINE struct rt_record *room_begin(struct rt_thread *thread, unsigned count)
{
	struct rt_record *record;

	if (unlikely(thread->busy))
		return NULL;
	thread->busy = frame_here();
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	record = thread->next;
	if (unlikely(record + count > thread->limit)) {
		thread->busy = 0;
		return NULL;
	}
	return record;
}

/* Publishes them, up to `next`. */
ALWAYS_INLINE void room_end(struct rt_thread *thread, struct rt_record *next)
{
	thread->next = next;
	__atomic_store_n(
		&thread->chunk->head, (__u32)(next - thread->chunk->records), __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	thread->busy = 0;
}

ALWAYS_INLINE void call_fill(struct rt_record *record, const struct rt_call *call, __u32 duration,
	__u64 arg, __s64 result)
{
	record->start = call->start;
	record->duration = duration;
	record->kind = (__u16)call->kind;
	record->depth = (__u8)(likely(call->depth < 255) ? call->depth : 255);
	record->flags = 0;
	record->arg = arg;
	record->result = result;
}

/* result: the return value, or -errno where the call failed. */
ALWAYS_INLINE void call_leave(const struct rt_call *call, __u64 arg, __s64 result)
{
	__u64 end = tsc_read(), duration = end - call->start;
	struct rt_thread *thread = call->thread;
	unsigned depth = call->depth;
	struct rt_record *record = likely(!(duration >> 32)) ? room_begin(thread, 1) : NULL;

	if (unlikely(!record)) {
		call_leave_cold(call, end, arg, result, NULL);
		return;
	}
	call_fill(record, call, (__u32)duration, arg, result);
	room_end(thread, record + 1);
	thread->slot->depth = depth;
}

static inline void call_leave_tail(
	const struct rt_call *call, __u64 arg, __s64 result, const struct rt_bytes *tail)
{
	call_leave_cold(call, tsc_read(), arg, result, tail);
}

/* For calls that turned out to be of no interest: closes without a record. */
ALWAYS_INLINE void call_drop(const struct rt_call *call)
{
	struct rt_slot *slot = call->thread->slot;

	if (likely(slot))
		slot->depth = call->depth;
}

ALWAYS_INLINE bool region_mapped(void)
{
	return rt_region->magic != 0;
}

/* Calls that are counted only: kind from RT_COUNTED_FIRST on. */
ALWAYS_INLINE void call_count(unsigned kind, unsigned family, __u64 bytes)
{
	const struct rt_region *region = rt_region;
	struct rt_slot *slot;

	if (unlikely(__atomic_load_n(&region->mode, __ATOMIC_RELAXED) == RT_MODE_OFF ||
		    !(region->families & 1u << family)))
		return;
	slot = self_thread()->slot;
	if (unlikely(!slot)) {
		slot = thread_claim(frame_here())->slot;
		if (!slot)
			return;
	}
	slot->counts[kind - RT_COUNTED_FIRST].calls++;
	slot->counts[kind - RT_COUNTED_FIRST].bytes += bytes;
}

extern int *__errno_location(void) __attribute__((weak, const));

#define result_or_errno(result) ((result) == -1 ? -(__s64)*__errno_location() : (__s64)(result))

#define pair_of(low, high) ((__u64)(__u32)(low) | (__u64)(__u32)(high) << 32)

#endif
