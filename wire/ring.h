/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared region: one sealed memfd made by the tracer and mapped by every process it follows.
 *
 *   struct rt_region | struct rt_slot x slots | struct rt_chunk x chunks
 *
 * A thread claims a slot (compare-and-swap on its state) and then chunks (compare-and-swap on the
 * free bitmap), one at a time. It is the only writer of both. It fills a chunk with records,
 * publishing rt_chunk.head after each, links the next chunk and goes on there. The tracer reads
 * records up to head, follows `next`, and gives drained chunks back to the bitmap. So memory goes
 * where the events are; when no chunk is free, records are dropped and counted, never waited for.
 *
 * Ordering: a record's bytes happen before the release store of head; head of a finished chunk
 * happens before the release store of next; the tracer frees a chunk only after it has read both.
 *
 * Everything here is untrusted to the tracer: the target may have scribbled on it.
 */
#ifndef WIRE_RING_H
#define WIRE_RING_H

#include "event.h"

#define RT_REGION_MAGIC 0x31454d4954474152ull /* "RAGTIME1" */
#define RT_REGION_VERSION 2

#define RT_CHUNK_SIZE 65536
#define RT_CHUNK_RECORDS (RT_CHUNK_SIZE / RT_SLOT_SIZE - 2) /* the head takes two slots */
#define RT_CHUNKS_MAX 4096
#define RT_SLOTS_MAX 4096
#define RT_OPEN_MAX 104 /* as many as a slot has room for */
#define RT_COUNTED_FIRST 32
#define RT_COUNTED_MAX 32

/*
 * What a hook does, in the order of how often it happens. Only RT_MODE_ON is the straight path;
 * every other value sends the hook through one cold function.
 */
enum rt_mode {
	RT_MODE_OFF = 0,
	RT_MODE_ON = 1,
	RT_MODE_SAMPLED = 2,	/* one call in rt_region.rate */
	RT_MODE_SLOW_CLOCK = 3, /* no invariant TSC: clock_gettime(CLOCK_MONOTONIC) */
};

enum rt_slot_state {
	RT_SLOT_FREE = 0,
	RT_SLOT_CLAIMED = 1, /* fields below are being filled */
	RT_SLOT_LIVE = 2,
	/* its thread is gone; the tracer drains and frees it. Ends by kill or exec are not marked.
	 */
	RT_SLOT_EXITED = 3,
};

/* A call that has begun and not yet ended, for a reader that looks while the process hangs. */
struct rt_open {
	__u64 start; /* 0 where the entry is stale */
	__u64 arg;
	__u64 frame; /* address in the caller's stack: entries below the current one are dead */
	__u32 kind;
	__u32 pad;
};

struct rt_count {
	__u64 calls;
	__u64 bytes;
};

struct rt_slot {
	__u32 state;
	__u32 generation; /* one more at each claim */
	__u32 pid;
	__u32 tid;
	__u64 start;
	__u32 first_chunk; /* index + 1; set before the slot goes live, 0 where none was free */
	__u32 depth;	   /* valid entries of open[] */
	__u64 lost;	   /* records dropped for want of a chunk */
	__u64 lost_nested; /* records of a signal handler that interrupted the writing of a record
			    */
	__u64 cut_bytes;   /* payload bytes not copied */
	__u64 pid_space;   /* inode of the PID namespace that pid and tid belong to */
	__u64 spare[8];
	struct rt_count counts[RT_COUNTED_MAX];
	struct rt_open open[RT_OPEN_MAX];
	__u8 pad[4096 - 128 - RT_COUNTED_MAX * 16 - RT_OPEN_MAX * 32];
};

_Static_assert(sizeof(struct rt_slot) == 4096, "a slot is a page");

struct rt_chunk {
	__u32 head;	  /* records published, at most RT_CHUNK_RECORDS */
	__u32 next;	  /* index + 1 of the chunk that follows; 0 while this is the last */
	__u32 slot;	  /* owner */
	__u32 generation; /* of the owner */
	__u8 pad[48];
	struct rt_record records[RT_CHUNK_RECORDS];
};

_Static_assert(sizeof(struct rt_chunk) == RT_CHUNK_SIZE, "a chunk is its size");
_Static_assert(__builtin_offsetof(struct rt_chunk, records) == 64, "wire layout");

#define RT_MAIL_SIZE 65536
#define RT_MODULES_SIZE 2048
#define RT_CONNECTIONS_MAX 16384

/* How much of a connection's payload is copied. The tracer only ever lowers it. */
enum rt_steer {
	RT_STEER_WHOLE = 0, /* up to rt_region.payload_cap a direction, then the rolling tail */
	RT_STEER_OFF = 2,
};

/*
 * The mailbox: a thread of the target that has loaded libraries asks the tracer which of their
 * functions to hook, and waits for a bounded time. Layout of the bytes: patch.h.
 */
enum rt_mail_state {
	RT_MAIL_IDLE = 0,
	RT_MAIL_WRITING = 1, /* claimed by a thread of the target */
	RT_MAIL_ASKED = 2,
	RT_MAIL_ANSWERED = 3,
	RT_MAIL_ABANDONED = 4, /* its owner waited too long and went on */
};

/* Forked and started children stay untraced: they claim no slot and are not given the region. */
#define RT_REGION_NO_FOLLOW 1
/* Ticks are CLOCK_MONOTONIC's nanoseconds, in RT_MODE_SAMPLED too. */
#define RT_REGION_SLOW_CLOCK 2
/* Functions are wanted by pattern: libraries loaded are announced in the mailbox. */
#define RT_REGION_FUNCTIONS 4
/* Functions of language runtimes are not wanted. */
#define RT_REGION_NO_RUNTIME 8
/* Node programs are not given hook.cjs. */
#define RT_REGION_NO_NODE 32

/* Text of the rules that say which of them are: lines of data/python.rules. */
#define RT_RUNTIME_RULES 24576

struct rt_region {
	__u64 magic;
	__u32 version;
	__u32 header_size; /* offset of the first slot */
	__u64 size;	   /* of the whole region */
	__u32 slots;
	__u32 chunks;
	__u64 chunks_offset;
	__u64 ticks_per_second; /* of the clock in records; 0 until known */
	__u32 tracer_pid;
	__u32 families; /* bit per enum rt_family: which hooks record */
	__u64 cookie;	/* as in the variable by which a process finds the region */
	__u32 flags;	/* RT_REGION_* */
	__u32 pad;
	__u64 spare1[6];

	/* written by the tracer while the target runs */
	__u32 mode __attribute__((aligned(64))); /* enum rt_mode */
	__u32 rate;
	__u32 payload_cap; /* bytes copied of each direction of a connection; 0: none */
	__u32 functions;   /* function kinds in use */
	__u64 beat;	   /* clock ticks at the tracer's last pass */
	__u64 spare2[4];

	/* written by the target */
	__u64 lost_no_slot __attribute__((aligned(64))); /* records of threads without a slot */
	__u64 untraced_exec; /* programs started that could not be followed */
	__u64 patch_refused; /* functions that the shim would not hook */
	__u64 slot_hint;     /* where to look for a free slot first; the tracer lowers it */
	__u64 spare3[4];

	__u64 free_chunks[RT_CHUNKS_MAX / 64] __attribute__((aligned(64))); /* bit set: free */

	/* by connection number modulo RT_CONNECTIONS_MAX; a data record's arg is fd | number << 32
	 */
	__u64 connections __attribute__((aligned(64))); /* numbers given out */
	__u8 steer[RT_CONNECTIONS_MAX];			/* enum rt_steer */

	/* base names of libraries whose functions are wanted, as far as they are literal, each
	 * ended by a NUL, the last by two; none: all are to be asked for */
	char modules[RT_MODULES_SIZE] __attribute__((aligned(64)));

	__u32 mail_state __attribute__((aligned(64)));
	__u32 mail_pid;
	__u32 mail_size;
	__u32 mail_pad;
	__u8 mail[RT_MAIL_SIZE] __attribute__((aligned(8)));

	/* written by the tracer before the target runs; ends with a NUL */
	char runtime_rules[RT_RUNTIME_RULES] __attribute__((aligned(64)));
	/* numbers given out to spans of runtimes, in blocks */
	__u64 runtime_spans __attribute__((aligned(64)));
	/*
	 * By kind - RT_KIND_RUNTIME: a hash of the function's name and place, 0 where it is free. A
	 * function is looked for from its hash on, so that all processes of a run call it the same.
	 */
	__u64 runtime_functions[RT_RUNTIME_FUNCTIONS];
};

/* The variable by which a process finds the region: "<path of the memfd>:<cookie>". */
#define RT_ENV_REGION "RAGTIME_REGION"

/* Stands where the number of our variables would be odd: environment_take() says why. */
#define RT_ENV_EVEN "RAGTIME_EVEN"

#endif
