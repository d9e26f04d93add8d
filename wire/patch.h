/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes through the mailbox (rt_region.mail) when functions are wanted by pattern.
 *
 * Target: IDLE -> WRITING (compare-and-swap), fills in mail_pid, mail_size and mail[], -> ASKED,
 * and waits. Tracer: fills in the answer, ASKED -> ANSWERED (compare-and-swap). The target either
 * goes on asking (-> WRITING -> ASKED) or lets go (-> IDLE). One that has waited too long leaves
 * by ASKED -> ABANDONED; then the tracer makes it IDLE. RT_ASK_OUTCOME has no answer: the tracer
 * makes it IDLE. A mailbox whose owner has died is made IDLE by the tracer. Both wake the other by
 * futex on mail_state.
 *
 * An exchange: RT_ASK_OBJECTS, answered by as many functions as fit; while rt_answer.more is set,
 * RT_ASK_MORE; at last RT_ASK_OUTCOME says what became of each.
 *
 * RT_ASK_LINKED is another: functions that the shim has hooks of its own for, found in the program
 * itself. Answered by their entries alone, in the order asked: kind is the place in the question.
 *
 * Everything is little-endian and 8-byte aligned; variable parts follow their head.
 */
#ifndef WIRE_PATCH_H
#define WIRE_PATCH_H

#include "ring.h"

enum rt_ask_type {
	RT_ASK_OBJECTS = 1, /* rt_ask, then count times rt_ask_object */
	RT_ASK_MORE = 2,    /* rt_ask alone */
	RT_ASK_OUTCOME = 3, /* rt_ask, then count times rt_outcome */
	RT_ASK_LINKED = 4,  /* rt_ask, then count times rt_ask_linked */
};

struct rt_ask {
	__u32 type; /* enum rt_ask_type */
	__u32 count;
};

/* A loaded object, in the order of the dynamic linker's list. Answers call it by its place in the
 * question. */
struct rt_ask_object {
	__u64 base;	 /* what is added to the file's addresses */
	__u32 size;	 /* of this head and path[], a multiple of 8 */
	__u16 path_size; /* of path[], without a NUL; 0: the program itself */
	__u16 flags;	 /* RT_ASK_* */
	char path[];
};

#define RT_ASK_NEW 1 /* its functions are asked for; the others are told of as what it may call */

struct rt_ask_linked {
	__u64 address; /* in the program's file */
	__u64 size;
};

struct rt_answer {
	__u32 count; /* rt_patch entries that follow */
	__u32 more;  /* ask again, there are further ones */
};

enum rt_patch_flags {
	RT_PATCH_GOT = 1,      /* exported: other objects' slots may be changed */
	RT_PATCH_INLINE = 2,   /* window, code and fixes are given */
	RT_PATCH_ENTRIES = 4,  /* stack arguments not proved: record entries, never wrap */
	RT_PATCH_INDIRECT = 8, /* STT_GNU_IFUNC: the address is its resolver's */
};

/* The longest run of entry instructions that a jump overwrites, and their relocated form. */
#define RT_PATCH_WINDOW_MAX 24
#define RT_PATCH_CODE_MAX 96
#define RT_PATCH_FIXES_MAX 8
#define RT_PATCH_STACK_MAX 1024
/* What the jump itself takes. */
#define RT_PATCH_JUMP 5

/* code[at..at+4) = target + base - (address of code + end); where end is 0,
 * code[at..at+8) = target + base */
struct rt_fix {
	__u32 at;
	__u32 end;
	__u64 target; /* address in the file */
};

/* One function. After it: window bytes as the file has them, code, fixes, the symbol; each padded
 * to a multiple of 8. */
struct rt_patch {
	__u32 size; /* of this head and all that follows */
	__u32 object;
	__u64 address;	  /* in the file */
	__u16 kind;	  /* of its records */
	__u16 flags;	  /* enum rt_patch_flags */
	__u16 stack_size; /* bytes of stack arguments to copy, a multiple of 8 */
	__u8 window_size;
	__u8 code_size;
	__u32 fixes;
	__u32 symbol_size;
	__u64 capture; /* what of its arguments goes into RT_TAIL_ARGUMENTS; 0: no such tail */
};

/*
 * Up to four of 16 bits, from the lowest on; the first that is 0 ends them. In the tail each is a
 * number of 64 bits; behind a text's, which is its size, stand its bytes. `more`: of a text, 1 +
 * the argument that limits its size if that is not negative; of a number in memory, its offset.
 */
#define RT_CAPTURE(how, at, more) ((how) | (at) << 3 | (more) << 6)
#define RT_CAPTURES 4
#define RT_CAPTURE_TEXT_MAX 1024

enum rt_capture {
	RT_CAPTURE_VALUE = 1,
	RT_CAPTURE_TEXT = 2,
	RT_CAPTURE_MEMORY = 3,
	RT_CAPTURE_NOTHING = 7, /* an empty tail */
};

enum rt_outcome_what {
	RT_OUTCOME_GOT = 1,
	RT_OUTCOME_INLINE = 2,
	RT_OUTCOME_FAR = 3,	/* no memory within a jump's reach of it */
	RT_OUTCOME_CHANGED = 4, /* its first bytes are not those of the file */
	RT_OUTCOME_THREADS = 5, /* another thread may be executing them */
	RT_OUTCOME_MEMORY = 6,
	RT_OUTCOME_POLICY = 8, /* the kernel lets no code be changed */
	RT_OUTCOME_FULL = 7,   /* more functions than the shim has room for */
};

struct rt_outcome {
	__u32 kind;
	__u32 what; /* enum rt_outcome_what */
};

_Static_assert(sizeof(struct rt_ask) == 8, "wire layout");
_Static_assert(sizeof(struct rt_ask_object) == 16, "wire layout");
_Static_assert(sizeof(struct rt_ask_linked) == 16, "wire layout");
_Static_assert(sizeof(struct rt_answer) == 8, "wire layout");
_Static_assert(sizeof(struct rt_fix) == 16, "wire layout");
_Static_assert(sizeof(struct rt_patch) == 40, "wire layout");
_Static_assert(sizeof(struct rt_outcome) == 8, "wire layout");

#endif
