/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spans of functions: a stack of those that a thread is in, and what becomes of them when they
 * are suspended.
 *
 * What a thread runs of a function until it returns or is suspended is a segment, recorded like a
 * call (emit.h): so all that the thread does meanwhile stands in it by depth and time. The parent
 * of a span is what its first segment stands in, unless the segment runs in another Context than
 * what is below it: then the Context says who made it (context.c), in a link mark.
 *
 * A span is given a number only where something must name it: it was suspended, a Context was
 * copied in it, it handed work to another thread.
 */
#ifndef PRELOAD_PYTHON_SPAN_H
#define PRELOAD_PYTHON_SPAN_H

#include "preload/python/code.h"
#include "preload/python/greenlet.h"
#include "preload/python/table.h"

#define PY_STACK_MAX 512 /* what is nested deeper is not recorded */

/* A function that is running, or called one that is. */
struct py_open {
	struct py_code
		*code;	   /* NULL: not a function, but the span that handed this thread its work */
	const void *frame; /* the interpreter's; NULL where a function's end needs no finding */
	const void *generator; /* what it is suspended as */
	const void *context;
	__u64 span; /* its number; 0: none yet */
	struct rt_call call;
	__u32 epoch;   /* of the process, as it began */
	__u8 segment;  /* enum rt_segment so far */
	bool recorded; /* or only counted */
	bool thrown;   /* goes on because of an exception, but is not evaluated yet (throw.c) */
};

struct py_stack {
	unsigned count, room, beyond; /* beyond: nested deeper than there is room for */
	const void *of; /* the greenlet whose stack it is; NULL: of a thread that has had none */
	struct py_stack *next; /* of those that are free */
	struct py_open open[];
};

struct py_thread {
	struct py_stack *stack;		  /* the one in use */
	const struct py_copying *copying; /* a Context is being copied (context.c) */
	__u64 span, span_limit;		  /* numbers to give out */
	__u32 taken;
	__u32 epoch;
	struct py_stack own;
	struct py_open own_open[PY_STACK_MAX]; /* own.open[] */
};

_Static_assert(__builtin_offsetof(struct py_thread, own_open) ==
		__builtin_offsetof(struct py_thread, own) + sizeof(struct py_stack),
	"one follows the other");

/* The calling thread's, made at its first use; NULL where there is no memory for it. */
COLD struct py_thread *py_thread_make(void);

ALWAYS_INLINE struct py_thread *py_thread(void)
{
	ptrdiff_t offset = rt_self_offset;
	struct py_thread *thread = likely(offset)
		? ((const struct rt_self __seg_fs *)offset)->runtime
		: rt_self.runtime;

	if (unlikely(!thread))
		thread = py_thread_make();
	if (unlikely(py_greenlet_current) && thread)
		py_greenlet_follow(thread);
	return thread;
}

/* Counts the forks between this process and the first. */
extern HIDDEN __u32 py_epoch;

/* How a segment ends. */
enum py_end {
	PY_END_RETURNED = 0,
	PY_END_SUSPENDED = RT_SEGMENT_SUSPENDED,
	PY_END_RAISED = RT_SEGMENT_RAISED,
	PY_END_CANCELLED = RT_SEGMENT_RAISED | RT_SEGMENT_CANCELLED,
};

/*
 * A function begins or goes on. generator: what it can be suspended as, NULL for one that cannot
 * be; resumes: it has begun before.
 */
struct py_entry {
	struct py_code *code;
	const void *frame, *generator;
	const py_object *first_local; /* NULL where it is not known */
	bool begins;  /* certainly not resumed: what was known by that generator is over */
	bool resumes; /* certainly resumed, whether we have seen it before or not */
};
void py_span_enter(struct py_thread *thread, const struct py_entry *entry) HIDDEN;

/* The innermost one ends. */
void py_span_leave(struct py_thread *thread, enum py_end end) HIDDEN;

/* The call that a segment is: its end is always found, however the stack may jump. */
ALWAYS_INLINE bool py_segment_begin(struct py_open *open)
{
	struct rt_slot *slot;

	if (!call_enter_at(
		    &open->call, open->code->kind, RT_FAMILY_runtime, open->span, frame_here()))
		return false;
	slot = open->call.thread->slot;
	if (likely(open->call.depth < RT_OPEN_MAX))
		slot->open[open->call.depth].frame = UINTPTR_MAX;
	return true;
}

/*
 * The short way for what most calls are: a function that cannot be suspended and has no role,
 * called from one that is recorded, in the same Context. NULL: it is no such call, and nothing was
 * done.
 */
ALWAYS_INLINE struct py_open *py_span_enter_plain(
	struct py_thread *thread, struct py_code *code, const void *frame, const void *context)
{
	struct py_stack *stack = thread->stack;
	struct py_open *below = &stack->open[stack->count - 1], *open = below + 1;

	if (unlikely(!stack->count || stack->count == stack->room || !below->recorded ||
		    below->context != context || below->epoch != py_epoch ||
		    code->calls >= PY_CALLS_A_SECOND))
		return NULL;
	code->calls++;
	open->code = code;
	open->frame = frame;
	open->generator = NULL;
	open->context = context;
	open->span = 0;
	open->epoch = below->epoch;
	open->segment = 0;
	open->thrown = false;
	open->recorded = py_segment_begin(open);
	stack->count++;
	return open;
}

ALWAYS_INLINE bool py_span_is_plain(const struct py_code *code)
{
	return !(code->role | (code->act ^ PY_ACT_SPAN));
}

/* The end of that, or of any other entry that is the innermost. */
ALWAYS_INLINE void py_span_leave_plain(
	struct py_thread *thread, const struct py_open *open, enum py_end end)
{
	struct py_stack *stack = thread->stack;

	if (unlikely(open != &stack->open[stack->count - 1] || stack->beyond || !open->recorded ||
		    open->epoch != py_epoch)) {
		py_span_leave(thread, end);
		return;
	}
	stack->count--;
	call_leave(&open->call, open->segment | end, (__s64)open->span);
}

/* Makes the frame's entry the innermost, where it has one. */
COLD bool py_span_find(struct py_thread *thread, const void *frame);

ALWAYS_INLINE bool py_span_is_innermost(const struct py_thread *thread, const void *frame)
{
	const struct py_stack *stack = thread->stack;

	return !stack->beyond && stack->count && stack->open[stack->count - 1].frame == frame;
}

/* What the thread is in is suspended, and what is on the other stack goes on. */
COLD void py_span_switch(struct py_thread *thread, struct py_stack *stack);

/* What was suspended as `generator`, if it is known, goes on; and is suspended again, or over. */
COLD void py_span_thrown(struct py_thread *thread, const void *generator);
COLD void py_span_throw_ends(
	struct py_thread *thread, struct py_stack *stack, unsigned count, enum py_end end);

/* A suspended generator that is gone without having run to its end. */
COLD void py_span_gone(const void *generator);

/* The number of the span that runs now, in this Context; 0: none. Makes one up where it has none.
 */
COLD __u64 py_span_now(struct py_thread *thread, const void *context);

/* Work goes to another thread: `work` remembers the span that runs now. */
COLD void py_span_hand(struct py_thread *thread, const py_object *work);
COLD bool py_span_is_handed(const py_object *work);
/* What follows is that work, until py_span_leave. */
COLD void py_span_take(struct py_thread *thread, const py_object *work, const void *frame);

/* Numbers for spans and tasks. */
COLD __u64 py_span_number(struct py_thread *thread);

/* A session begins: no thread is in anything, nothing is suspended. */
COLD void py_span_reset(void);

/* Exceptions of this type are cancellations; NULL while there is none. */
extern HIDDEN const py_object *py_cancelled;

#endif
