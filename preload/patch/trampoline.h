/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thunk of a hooked function, and the two trampolines that all thunks lead to. The numbers are
 * those of C structures, for trampoline_x86_64.S; record.c asserts that they agree.
 */
#ifndef PRELOAD_PATCH_TRAMPOLINE_H
#define PRELOAD_PATCH_TRAMPOLINE_H

/* struct thunk */
#define THUNK_SIZE 64
#define THUNK_LANDING 4 /* bytes that direct jumps need not execute */
#define THUNK_TRAMPOLINE 16
#define THUNK_ORIGINAL 24
#define THUNK_SELF 32
#define THUNK_KIND 40
#define THUNK_STACK 44
#define THUNK_CAPTURE 48

/* wire/ring.h, wire/event.h */
#define REGION_MODE 128
#define REGION_FAMILIES 52
#define MODE_ON 1
#define MODE_SAMPLED 2
#define FUNCTION_FAMILY_BIT (1 << 13)
#define SLOT_DEPTH 28
#define SLOT_OPEN 640
#define OPEN_MAX 104
#define OPEN_SHIFT 5
#define OPEN_ARG 8
#define OPEN_FRAME 16
#define OPEN_KIND 24
#define RECORD_SHIFT 5
#define RECORD_DURATION 8
#define RECORD_KIND 12
#define RECORD_ARG 16
#define RECORD_RESULT 24

/* struct rt_thread and rt_call of emit.h */
#define THREAD_NEXT 0
#define THREAD_LIMIT 8
#define THREAD_CHUNK 16
#define THREAD_SLOT 24
#define THREAD_BUSY 32
#define THREAD_TURN 48
#define STACK_SPAN (16 << 20)
#define CALL_SIZE 24

/* The trampoline's frame, from its rbp: what the unwinding hook reads. */
#define FRAME_CALL (-64)
#define FRAME_ARG (-72)
#define FRAME_ARGUMENTS (-176) /* six of them, where they are captured */

#ifndef __ASSEMBLER__

#include <linux/types.h>

/*
 * Lies in memory that is never written after it was made executable. The code pushes `self` and
 * jumps to `trampoline`, changing no register.
 */
struct thunk {
	__u8 code[16];
	const void *trampoline;
	const void *original;
	const struct thunk *self;
	__u32 kind;
	__u32 stack_size; /* bytes of stack arguments, a multiple of 8 */
	__u64 capture;	  /* as in rt_patch */
	__u64 spare;
};

/* Enter with &thunk pushed above the return address. The first two wrap the call and record it,
 * without and with stack arguments; the next two capture arguments as well; the last records that
 * it was called and jumps on. */
extern const char trampoline_call[] __attribute__((visibility("hidden")));
extern const char trampoline_call_stack[] __attribute__((visibility("hidden")));
extern const char trampoline_capture[] __attribute__((visibility("hidden")));
extern const char trampoline_capture_stack[] __attribute__((visibility("hidden")));
extern const char trampoline_entry[] __attribute__((visibility("hidden")));

#endif
#endif
