/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/span.h"
#include "preload/python/context.h"
#include "preload/python/python.h"

#include <sys/mman.h>

#define NUMBERS_A_TIME 256
#define FIND_MAX 64

const py_object *py_cancelled;
__u32 py_epoch;

static struct py_table generators; /* suspended ones, by frame */
static struct py_table handed;	   /* work on its way to another thread, by object */

__u64 py_span_number(struct py_thread *thread)
{
	if (thread->span == thread->span_limit || thread->epoch != py_epoch) {
		thread->epoch = py_epoch;
		thread->span = __atomic_fetch_add(
			&rt_region->runtime_spans, NUMBERS_A_TIME, __ATOMIC_RELAXED);
		thread->span_limit = thread->span + NUMBERS_A_TIME;
	}
	return ++thread->span;
}

static __u64 number_of(struct py_thread *thread, struct py_open *open)
{
	const struct rt_call *call = &open->call;

	if (open->span)
		return open->span;
	open->span = py_span_number(thread);
	/* for who looks while it runs */
	if (open->recorded && call->thread->slot && call->depth < RT_OPEN_MAX)
		call->thread->slot->open[call->depth].arg = open->span;
	return open->span;
}

/* Those that are only counted pass for what is around them. */
static struct py_open *innermost_told(struct py_stack *stack)
{
	unsigned count = stack->count;

	while (count && !stack->open[count - 1].recorded && stack->open[count - 1].code)
		count--;
	return count ? &stack->open[count - 1] : NULL;
}

/* The number of what is below another's segment; 0 where it was never to be named. */
static __u64 number_below(struct py_thread *thread, struct py_open *below)
{
	return below->code && below->epoch == py_epoch ? number_of(thread, below) : below->span;
}

/* Is it what the thread's records stand in? */
static bool is_around(const struct py_open *open)
{
	return open->code && open->epoch == py_epoch;
}

static void link_tell(unsigned event, __u64 span, __u64 parent)
{
	if (!region_off())
		mark_emit(event, span, (__s64)parent, NULL);
}

/*
 * Says who the parent of the new innermost entry is, where it is not what is around it. A hand-off
 * below holds in an empty Context too: from 3.14 on threads run in one. A span below does not: it
 * is the loop that runs the callbacks of others.
 */
static void link_find(struct py_thread *thread, struct py_open *below, struct py_open *open)
{
	unsigned event = RT_EV_runtime_link;
	__u64 parent = 0;

	if (below && below->context == open->context) {
		if (is_around(below))
			return;
		parent = number_below(thread, below);
	} else {
		parent = py_context_span();
		if (!parent && !below)
			return;
		if (!parent && (!below->code || !open->context))
			parent = number_below(thread, below);
	}
	if (!parent && below && !below->code)
		return;
	if (below && !below->code && parent == below->span)
		event = RT_EV_runtime_thread;
	open->segment |= RT_SEGMENT_APART;
	link_tell(event, number_of(thread, open), parent);
}

static NOINLINE bool segment_begin(struct py_open *open)
{
	return py_segment_begin(open);
}

static bool is_resumed(const struct py_entry *entry, struct py_open *open)
{
	struct py_place *place = py_table_find(&generators, (uintptr_t)entry->generator);

	if (!place)
		return false;
	if (place->of == entry->code && !entry->begins) {
		open->span = place->span;
		open->segment = RT_SEGMENT_RESUMED;
		return true;
	}
	py_span_gone(entry->generator);
	return false;
}

/* Is it what an exception has made to go on already? */
static bool is_thrown(struct py_stack *stack, const struct py_entry *entry)
{
	struct py_open *open = &stack->open[stack->count - 1];

	if (likely(!stack->count || !open->thrown) || open->generator != entry->generator)
		return false;
	open->frame = entry->frame;
	open->thrown = false;
	return true;
}

static struct py_code *name_import(const struct py_entry *entry)
{
	struct py_code *code = py_code_import(entry->code, entry->first_local);

	return code ? code : entry->code;
}

void py_span_enter(struct py_thread *thread, const struct py_entry *entry)
{
	struct py_stack *stack = thread->stack;
	struct py_code *code = entry->code;
	struct py_open *open, *below;

	if (unlikely(stack->count == stack->room)) {
		stack->beyond++;
		return;
	}
	if (entry->generator && is_thrown(stack, entry))
		return;
	if (unlikely(code->role & RT_ROLE_IMPORT))
		code = name_import(entry);
	below = innermost_told(stack);
	open = &stack->open[stack->count];
	open->code = code;
	open->frame = entry->frame;
	open->generator = entry->generator;
	open->context = py_context();
	open->span = 0;
	open->epoch = py_epoch;
	open->segment = 0;
	open->recorded = open->thrown = false;
	if (!entry->generator || !is_resumed(entry, open)) {
		if (unlikely(entry->resumes))
			open->segment = RT_SEGMENT_BEFORE;
		if (unlikely(++code->calls > PY_CALLS_A_SECOND) &&
			py_code_is_hot(code, ticks_now())) {
			open->recorded = false;
			stack->count++;
			return;
		}
		if (!below || below->context != open->context || !is_around(below))
			link_find(thread, below, open);
	}
	/* what answers a request is looked for by its number */
	if (unlikely(code->role & RT_ROLE_REQUEST))
		number_of(thread, open);
	open->recorded = segment_begin(open);
	stack->count++;
}

static void suspend(struct py_thread *thread, const struct py_open *open, __u64 span)
{
	(void)thread;
	if (!py_table_find(&generators, (uintptr_t)open->generator))
		py_table_put(&generators, (uintptr_t)open->generator, span, open->code);
}

static void forget(const struct py_open *open)
{
	struct py_place *place = py_table_find(&generators, (uintptr_t)open->generator);

	if (place)
		py_table_remove(&generators, place);
}

void py_span_leave(struct py_thread *thread, enum py_end end)
{
	struct py_stack *stack = thread->stack;
	struct py_open *open;

	if (unlikely(stack->beyond)) {
		stack->beyond--;
		return;
	}
	if (unlikely(!stack->count))
		return;
	open = &stack->open[stack->count - 1];
	/* what that takes is the import's own time */
	if (unlikely(open->code && open->code->role & RT_ROLE_IMPORT))
		py_context_imported();
	stack->count--;
	if (unlikely(!open->recorded)) {
		if (open->segment & RT_SEGMENT_RESUMED && end != PY_END_SUSPENDED)
			py_span_gone(open->generator);
		return;
	}
	if (end == PY_END_SUSPENDED)
		suspend(thread, open, number_of(thread, open));
	else if (open->segment & RT_SEGMENT_RESUMED)
		forget(open);
	if (likely(open->epoch == py_epoch))
		call_leave(&open->call, open->segment | end, (__s64)open->span);
}

bool py_span_find(struct py_thread *thread, const void *frame)
{
	struct py_stack *stack = thread->stack;
	unsigned at = stack->count, low = at > FIND_MAX ? at - FIND_MAX : 0;

	if (stack->beyond)
		return true;
	while (at > low && stack->open[at - 1].frame != frame)
		at--;
	if (at == low)
		return false;
	while (stack->count > at)
		py_span_leave(thread, PY_END_RAISED);
	return true;
}

static void park(struct py_thread *thread, struct py_open *open)
{
	if (!open->recorded || open->epoch != py_epoch)
		return;
	number_of(thread, open);
	call_leave(&open->call, open->segment | RT_SEGMENT_SUSPENDED, (__s64)open->span);
	open->segment = RT_SEGMENT_RESUMED;
}

void py_span_switch(struct py_thread *thread, struct py_stack *stack)
{
	struct py_stack *before = thread->stack;

	for (unsigned i = before->count; i-- > 0;)
		park(thread, &before->open[i]);
	thread->stack = stack;
	for (unsigned i = 0; i < stack->count; i++)
		if (stack->open[i].recorded && stack->open[i].epoch == py_epoch)
			stack->open[i].recorded = segment_begin(&stack->open[i]);
}

void py_span_thrown(struct py_thread *thread, const void *generator)
{
	struct py_place *place = py_table_find(&generators, (uintptr_t)generator);
	struct py_stack *stack = thread->stack;
	struct py_open *open;

	if (!place || stack->count == stack->room)
		return;
	open = &stack->open[stack->count];
	*open = (struct py_open){
		.code = place->of,
		.frame = generator,
		.generator = generator,
		.context = py_context(),
		.span = place->span,
		.epoch = py_epoch,
		.segment = RT_SEGMENT_RESUMED,
		.thrown = true,
	};
	open->recorded = segment_begin(open);
	stack->count++;
}

void py_span_throw_ends(
	struct py_thread *thread, struct py_stack *stack, unsigned count, enum py_end end)
{
	while (thread->stack == stack && stack->count > count &&
		stack->open[stack->count - 1].thrown)
		py_span_leave(thread, end);
}

void py_span_gone(const void *generator)
{
	struct py_place *place = py_table_find(&generators, (uintptr_t)generator);

	if (!place)
		return;
	if (!region_off())
		mark_emit(RT_EV_runtime_gone, place->span, 0, NULL);
	py_table_remove(&generators, place);
}

__u64 py_span_now(struct py_thread *thread, const void *context)
{
	struct py_open *open = innermost_told(thread->stack);
	__u64 span;

	if (open && open->context == context)
		return number_below(thread, open);
	span = py_context_span();
	if (span || !open || (open->code && context))
		return span;
	return number_below(thread, open);
}

/* ---- work for other threads ---- */

void py_span_hand(struct py_thread *thread, const py_object *work)
{
	__u64 span = work ? py_span_now(thread, py_context()) : 0;

	if (span)
		py_table_put(&handed, (uintptr_t)work, span, NULL);
}

bool py_span_is_handed(const py_object *work)
{
	return py_table_find(&handed, (uintptr_t)work) != NULL;
}

void py_span_take(struct py_thread *thread, const py_object *work, const void *frame)
{
	struct py_place *place = py_table_find(&handed, (uintptr_t)work);
	struct py_stack *stack = thread->stack;
	struct py_open *open;

	if (stack->count == stack->room) {
		stack->beyond++;
		return;
	}
	open = &stack->open[stack->count++];
	*open = (struct py_open){
		.frame = frame,
		.context = py_context(),
		.span = place ? place->span : 0,
		.epoch = py_epoch,
	};
	if (place)
		py_table_remove(&handed, place);
}

/* ---- threads and processes ---- */

void python_thread_ends(void)
{
	struct py_thread *thread = rt_self.runtime;

	rt_self.runtime = NULL;
	if (thread)
		__atomic_store_n(&thread->taken, 0, __ATOMIC_RELEASE);
}

/* What the child runs is the work of the span that forks. */
void python_forks(void)
{
	struct py_thread *thread = py_on ? rt_self.runtime : NULL;
	struct py_open *open = thread ? innermost_told(thread->stack) : NULL;

	if (open && open->code && open->epoch == py_epoch)
		number_of(thread, open);
}

__u64 python_innermost(void)
{
	struct py_thread *thread = py_on ? rt_self.runtime : NULL;
	struct py_open *open = thread ? innermost_told(thread->stack) : NULL;

	return open ? number_below(thread, open) : 0;
}

/* What was suspended goes on in the parent. */
void python_forked(void)
{
	py_epoch++;
	py_table_clear(&generators);
}

#define THREADS_MAX 4096

static struct py_thread *threads[THREADS_MAX];

static struct py_thread *thread_map(void)
{
	long at = raw6(mmap, 0, sizeof(struct py_thread), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at < 0 && at > -4096 ? NULL : (struct py_thread *)at;
}

static void thread_reset(struct py_thread *thread)
{
	thread->stack = &thread->own;
	thread->own.count = thread->own.beyond = 0;
	thread->own.room = PY_STACK_MAX;
	thread->own.of = NULL;
	thread->copying = NULL;
}

void py_span_reset(void)
{
	py_table_clear(&generators);
	py_table_clear(&handed);
	for (unsigned i = 0; i < THREADS_MAX && threads[i]; i++) {
		thread_reset(threads[i]);
		threads[i]->span = threads[i]->span_limit = 0;
	}
}

/* With the interpreter's lock held. */
struct py_thread *py_thread_make(void)
{
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		struct py_thread *thread = threads[i];

		if (!thread) {
			thread = threads[i] = thread_map();
			if (!thread)
				return NULL;
		} else if (__atomic_load_n(&thread->taken, __ATOMIC_ACQUIRE)) {
			continue;
		}
		thread->taken = 1;
		thread_reset(thread);
		rt_self.runtime = thread;
		return thread;
	}
	return NULL;
}
