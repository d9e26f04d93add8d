/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the trampolines leave to C: modes other than the straight one, new threads, full chunks, and
 * calls that end by an exception or a cancellation.
 */
#include "preload/emit.h"
#include "preload/patch/patch.h"
#include "preload/patch/trampoline.h"

#include <stddef.h>

#define SAME(number, structure, member) \
	_Static_assert(number == offsetof(struct structure, member), "trampoline.h")

SAME(THUNK_TRAMPOLINE, thunk, trampoline);
SAME(THUNK_ORIGINAL, thunk, original);
SAME(THUNK_SELF, thunk, self);
SAME(THUNK_KIND, thunk, kind);
SAME(THUNK_STACK, thunk, stack_size);
SAME(REGION_MODE, rt_region, mode);
SAME(REGION_FAMILIES, rt_region, families);
SAME(SLOT_DEPTH, rt_slot, depth);
SAME(SLOT_OPEN, rt_slot, open);
SAME(OPEN_ARG, rt_open, arg);
SAME(OPEN_FRAME, rt_open, frame);
SAME(OPEN_KIND, rt_open, kind);
SAME(RECORD_DURATION, rt_record, duration);
SAME(RECORD_KIND, rt_record, kind);
SAME(RECORD_ARG, rt_record, arg);
SAME(RECORD_RESULT, rt_record, result);
SAME(THREAD_NEXT, rt_thread, next);
SAME(THREAD_LIMIT, rt_thread, limit);
SAME(THREAD_CHUNK, rt_thread, chunk);
SAME(THREAD_SLOT, rt_thread, slot);
SAME(THREAD_BUSY, rt_thread, busy);
SAME(THREAD_TURN, rt_thread, turn);
SAME(8, rt_call, thread);
SAME(16, rt_call, depth);
SAME(20, rt_call, kind);
SAME(0, rt_self, thread);
SAME(0, rt_chunk, head);
_Static_assert(sizeof(struct thunk) == THUNK_SIZE, "trampoline.h");
_Static_assert(sizeof(struct rt_call) == CALL_SIZE, "trampoline.h");
_Static_assert(sizeof(struct rt_open) == 1 << OPEN_SHIFT, "trampoline.h");
_Static_assert(sizeof(struct rt_record) == 1 << RECORD_SHIFT, "trampoline.h");
_Static_assert(RT_MODE_OFF == 0 && RT_MODE_ON == MODE_ON && RT_MODE_SAMPLED == MODE_SAMPLED,
	"trampoline.h");
_Static_assert(1 << RT_FAMILY_function == FUNCTION_FAMILY_BIT, "trampoline.h");
_Static_assert(RT_OPEN_MAX == OPEN_MAX && RT_STACK_SPAN == STACK_SPAN, "trampoline.h");

HIDDEN bool trampoline_enter(struct rt_call *call, unsigned kind, __u64 arg, uintptr_t frame);
HIDDEN void trampoline_leave(const struct rt_call *call, __u64 end, __u64 arg, __s64 result);
HIDDEN void trampoline_note(unsigned kind, __u64 arg, uintptr_t frame);
HIDDEN int trampoline_personality(int version, int actions, __u64 exception_class, void *exception,
	struct _Unwind_Context *context);

bool trampoline_enter(struct rt_call *call, unsigned kind, __u64 arg, uintptr_t frame)
{
	return call_enter_at(call, kind, RT_FAMILY_function, arg, frame);
}

void trampoline_leave(const struct rt_call *call, __u64 end, __u64 arg, __s64 result)
{
	call_leave_cold(call, end, arg, result, NULL);
}

void trampoline_note(unsigned kind, __u64 arg, uintptr_t frame)
{
	struct rt_call call;

	if (call_enter_at(&call, kind, RT_FAMILY_function, arg, frame))
		call_leave_cold(&call, call.start, arg, 0, NULL);
}

/*
 * Unwinders ask the personality routine of every frame they take down. There is nothing to clean
 * up in ours, but the call ends here. The unwinder that asks is the one to tell where the frame is:
 * it is not always known by name to us, and then the call goes unrecorded.
 */
enum {
	UNWIND_CLEANUP_PHASE = 2,
	UNWIND_CONTINUE = 8,
	DWARF_RBP = 6,
};

int trampoline_personality(int version, int actions, __u64 exception_class, void *exception,
	struct _Unwind_Context *context)
{
	const char *frame;

	(void)version;
	(void)exception_class;
	(void)exception;
	if (!(actions & UNWIND_CLEANUP_PHASE) || !unwind_register)
		return UNWIND_CONTINUE;
	frame = (const char *)unwind_register(context, DWARF_RBP);
	call_leave((const struct rt_call *)(frame + FRAME_CALL), *(__u64 *)(frame + FRAME_ARG), 0);
	return UNWIND_CONTINUE;
}
