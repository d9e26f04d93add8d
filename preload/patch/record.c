/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the trampolines leave to C: modes other than the straight one, new threads, full chunks, and
 * calls that end by an exception or a cancellation.
 */
#include "preload/emit.h"
#include "preload/patch/patch.h"
#include "preload/patch/trampoline.h"
#include "wire/patch.h"

#include <stddef.h>

#define LOWEST_POINTER 0x10000ul

#define SAME(number, structure, member) \
	_Static_assert(number == offsetof(struct structure, member), "trampoline.h")

SAME(THUNK_TRAMPOLINE, thunk, trampoline);
SAME(THUNK_ORIGINAL, thunk, original);
SAME(THUNK_SELF, thunk, self);
SAME(THUNK_KIND, thunk, kind);
SAME(THUNK_STACK, thunk, stack_size);
SAME(THUNK_CAPTURE, thunk, capture);
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
HIDDEN void trampoline_leave_captured(const struct rt_call *call, __u64 end, __u64 arg,
	__s64 result, const __u64 *arguments, const struct thunk *thunk);
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

static void put_number(__u8 *at, __u64 value)
{
	memcpy(at, &value, sizeof(value));
}

/* Text that the callee was given, so that it may be read. */
static __u32 put_text(__u8 *at, const char *text, __s64 limit)
{
	__u32 size = 0;

	if ((uintptr_t)text < LOWEST_POINTER)
		limit = 0;
	if (limit < 0 || limit > RT_CAPTURE_TEXT_MAX)
		limit = RT_CAPTURE_TEXT_MAX;
	for (; size < limit && text[size]; size++)
		at[sizeof(__u64) + size] = (__u8)text[size];
	put_number(at, size);
	return (__u32)sizeof(__u64) + size;
}

static __u32 put_argument(__u8 *at, unsigned capture, const __u64 *arguments)
{
	__u64 value = arguments[capture >> 3 & 7];
	unsigned more = capture >> 6;

	switch (capture & 7) {
	case RT_CAPTURE_TEXT:
		/* sizes are int in C: the upper half is not theirs */
		return put_text(
			at, (const char *)(uintptr_t)value, more ? (__s32)arguments[more - 1] : -1);
	case RT_CAPTURE_MEMORY:
		if (value >= LOWEST_POINTER)
			memcpy(&value, (const __u8 *)(uintptr_t)value + more, sizeof(value));
		break;
	}
	put_number(at, value);
	return sizeof(__u64);
}

void trampoline_leave_captured(const struct rt_call *call, __u64 end, __u64 arg, __s64 result,
	const __u64 *arguments, const struct thunk *thunk)
{
	__u8 bytes[RT_CAPTURES * (sizeof(__u64) + RT_CAPTURE_TEXT_MAX)];
	struct rt_bytes tail = {.data = bytes, .type = RT_TAIL_ARGUMENTS};
	__u64 captures = thunk->capture;

	if (captures != RT_CAPTURE_NOTHING)
		for (; captures; captures >>= 16)
			tail.size += put_argument(
				bytes + tail.size, (unsigned)(captures & 0xffff), arguments);
	call_leave_cold(call, end, arg, result, &tail);
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
