/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture records: what the shim writes into the shared region and the loader reads out of it.
 *
 * Every record is RT_SLOT_SIZE bytes. It is written once, at the exit of a call. A record whose
 * flags carry RT_FLAG_TAIL is followed by a tail: variable-length bytes in as many further slots.
 *
 * To add an event: one EVENT line in event.def with the next free number (numbers are never
 * reused), and the hook that emits it. Nothing here changes.
 */
#ifndef WIRE_EVENT_H
#define WIRE_EVENT_H

#include <linux/types.h>

#define RT_SLOT_SIZE 32

/* Functions hooked by pattern get kinds from here on, numbered per run. */
#define RT_KIND_FUNCTION 4096
#define RT_KIND_LIMIT 65536

/*
 * Functions of language runtimes get kinds from here on: its place in rt_region.runtime_functions.
 * Their records are segments: what a thread ran of a function until it returned or was suspended.
 * arg: enum rt_segment; result: the span's id, 0 where nothing else needs to name it.
 */
#define RT_KIND_RUNTIME 49152
#define RT_RUNTIME_FUNCTIONS (RT_KIND_LIMIT - RT_KIND_RUNTIME)

#define RT_FLAG_SHIFT 0x1f /* duration holds ticks >> shift */
#define RT_FLAG_TAIL 0x20  /* a struct rt_tail follows */

struct rt_record {
	__u64 start;	/* clock ticks at entry */
	__u32 duration; /* ticks, scaled down by RT_FLAG_SHIFT bits */
	__u16 kind;	/* event.def number, or RT_KIND_FUNCTION + index */
	__u8 depth;	/* hooked calls open around this one in its thread, saturating */
	__u8 flags;
	__u64 arg;    /* what it means is said by event.def */
	__s64 result; /* return value; -errno where the call failed */
};

_Static_assert(sizeof(struct rt_record) == RT_SLOT_SIZE, "records are one slot");
_Static_assert(__builtin_offsetof(struct rt_record, arg) == 16, "wire layout");

/* Numbers are stored in files: never reuse one. */
enum rt_tail_type {
	RT_TAIL_PATH = 1, /* a file, library or program path */
	/* struct sockaddr of the peer (connect, accept, sendto); where info is not 0, our own end's
	 * begins there */
	RT_TAIL_ADDRESS = 2,
	RT_TAIL_LOCAL = 3,    /* struct sockaddr of our own end (bind, listen) */
	RT_TAIL_HOST = 4,     /* a host name that was looked up */
	RT_TAIL_NAME = 5,     /* a thread's or a server's (SNI) name */
	RT_TAIL_DATA_OUT = 6, /* payload excerpt, written by the target; info = enum rt_data */
	RT_TAIL_DATA_IN = 7,  /* payload excerpt, read by the target; info = enum rt_data */
	RT_TAIL_TCP = 16,     /* struct rt_tcp: of a connection that is closed */
	RT_TAIL_CODE = 8,     /* module, qualified name and file, each with a NUL; info = line */
	RT_TAIL_SPAN = 9,     /* what a span_begin names; info = enum rt_told */
	RT_TAIL_FACT = 10,    /* key and value with a NUL between; info = 1 where it is a number */
	RT_TAIL_NUMBER = 11,  /* a __u64 */
	RT_TAIL_ARGUMENTS = 15, /* of a function in a pack (patch.h); in traces "attribute=value" */
};

/* What a payload excerpt is an excerpt of. */
enum rt_data {
	RT_DATA_SOCKET = 0,
	RT_DATA_PLAIN_OF_TLS = 1, /* inside the encryption */
};

/* What the kernel has counted of a TCP connection. */
struct rt_tcp {
	__u32 retransmits; /* segments sent again */
	__u32 rtt_us;	   /* smoothed round trip, microseconds */
};

#define RT_TAIL_HEAD 8
#define RT_TAIL_MAX 16384

struct rt_tail {
	__u16 size; /* bytes[] in use */
	__u8 type;  /* enum rt_tail_type */
	__u8 pad;
	__u32 info; /* meaning by type */
	__u8 bytes[RT_SLOT_SIZE - RT_TAIL_HEAD];
};

_Static_assert(sizeof(struct rt_tail) == RT_SLOT_SIZE, "a tail starts as one slot");

/* Slots that a tail of `size` bytes takes. */
#define RT_TAIL_SLOTS(size) (((size) + RT_TAIL_HEAD + RT_SLOT_SIZE - 1) / RT_SLOT_SIZE)

enum rt_event {
#define EVENT(number, name, family, wait, arg) RT_EV_##name = number,
#include "event.def"
#undef EVENT
};

/* The kernel's word of a wait, which knows no calls of the process: its times tell what it is in.
 */
static inline int rt_is_by_time(unsigned kind)
{
	return kind >= 420 && kind < 423;
}

/* A mark of the shim's, which the loader reads; few of them go into the stream as they are. */
static inline int rt_is_told(unsigned kind)
{
	return kind < 32 || (kind >= 300 && kind < 320) || (kind > 340 && kind < 350);
}

/* A moment, not a call. */
static inline int rt_is_mark(unsigned kind)
{
	return rt_is_told(kind) || (kind >= 400 && kind < 408);
}

enum rt_family {
#define FAMILY(number, name, title) RT_FAMILY_##name = number,
#include "vocabulary.def"
};

enum rt_wait {
#define WAIT(number, name, title) RT_WAIT_##name = number,
#include "vocabulary.def"
};

enum rt_loss {
#define LOSS(number, name, title) RT_LOSS_##name = number,
#include "vocabulary.def"
};

enum rt_evidence {
#define EVIDENCE(number, name, percent) RT_EVIDENCE_##name = number,
#include "vocabulary.def"
};

enum rt_span_kind {
#define SPAN_KIND(number, name) RT_SPAN_##name = number,
#include "vocabulary.def"
};

enum rt_class {
#define CLASS(number, name, title) RT_CLASS_##name = number,
#include "vocabulary.def"
};

enum rt_object {
#define OBJECT(number, name, title) RT_OBJECT_##name = number,
#include "vocabulary.def"
};

enum rt_arg {
#define ARG(number, name) RT_ARG_##name = number,
#include "vocabulary.def"
};

/* How a process came to be: result of the process_start mark. */
enum rt_birth {
	RT_BIRTH_LAUNCH = 1, /* by ragtime run */
	RT_BIRTH_FORK = 2,
	RT_BIRTH_EXEC = 3, /* the same pid, a new program */
	RT_BIRTH_INJECT = 4,
	RT_BIRTH_ATTACH = 5, /* it ran before tracing began */
};

/* Of a segment of a runtime's function. */
enum rt_segment {
	RT_SEGMENT_APART =
		1, /* the span's parent is not what the segment stands in: see its link */
	RT_SEGMENT_RESUMED = 2,	  /* not its first */
	RT_SEGMENT_SUSPENDED = 4, /* not its last */
	RT_SEGMENT_RAISED = 8,	  /* ended by an exception */
	RT_SEGMENT_CANCELLED = 16,
	RT_SEGMENT_BEFORE =
		32, /* its first here, of a function that had begun before tracing did */
};

/* What a runtime's function is: result of the runtime_function mark. */
enum rt_role {
	RT_ROLE_REQUEST = 1,  /* the root of a request */
	RT_ROLE_IMPORT = 2,   /* loads a module */
	RT_ROLE_SUSPENDS = 4, /* a coroutine or a generator */
};

/* What a span is that the program itself tells, and so what its name is. */
enum rt_told {
	RT_TOLD_PLAIN = 0,
	RT_TOLD_FRAME = 2,   /* likewise, of code that runs through in one function: what that
				    function does meanwhile is inside it */
	RT_TOLD_SERVES = 1,  /* answers a request: "METHOD target" */
	RT_TOLD_FOLLOWS = 3, /* likewise, where its connection is no longer known */
};

/* Why a runtime's functions are seen, or not: result of the runtime mark. */
enum rt_runtime {
	RT_RUNTIME_FRAMES = 1, /* by a hook around the evaluation of frames */
	RT_RUNTIME_EVENTS = 2, /* by the runtime's own events */
	RT_RUNTIME_BARE =
		3, /* likewise, without knowing its layout: tasks are told apart less well */
	RT_RUNTIME_UNKNOWN = 4,	 /* not: a version or build that this shim does not know */
	RT_RUNTIME_THREADED = 5, /* not: a free-threaded build */
	RT_RUNTIME_TAKEN = 6,	 /* not: other tools hold what we need */
	RT_RUNTIME_FAILED = 7,	 /* not: the runtime refused */
	RT_RUNTIME_BUSY = 8,	 /* not: its lock was not free while it was traced */
	RT_RUNTIME_SECOND = 9,	 /* not: a further interpreter in a process that has one */
};

/* What a frame of a sample is code of. */
enum rt_language {
	RT_LANGUAGE_NATIVE = 0,
	RT_LANGUAGE_KERNEL = 1,
	RT_LANGUAGE_PYTHON = 2,
};

/* What the time is that a sample stands for. */
enum rt_sampled {
	RT_SAMPLED_CPU = 0,
};

/* Result of the tls_peer mark. */
enum rt_tls_flags {
	RT_TLS_VERSION = 0xffff, /* the protocol version's wire number, 0x0304 for TLS 1.3 */
	RT_TLS_RESUMED = 1 << 16,
	RT_TLS_SERVER = 1 << 17, /* we are the server */
};

#endif
