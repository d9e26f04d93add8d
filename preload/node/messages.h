/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What preload/node/hook.cjs says to the shim, as writes to a descriptor that cannot exist. The
 * bytes are copied out of Node's buffer during the call, and nothing of it is kept: a buffer that
 * Node has freed is never looked at.
 *
 *   struct node_head | records, each starting at a multiple of 8 bytes
 *
 * The head is written back to: it is the shim's answer. Times are milliseconds of Node's own clock
 * and lie in the past, by as much as a request takes.
 */
#ifndef PRELOAD_NODE_MESSAGES_H
#define PRELOAD_NODE_MESSAGES_H

#include "preload/emit.h"

#define NODE_MAGIC 0x54524a53

enum node_flags {
	NODE_WANTED = 1, /* spans are */
	NODE_BYTES = 2,	 /* what the connection carries that was asked about is copied */
};

struct node_head {
	__u32 magic;
	__u32 size;    /* of all */
	double origin; /* CLOCK_MONOTONIC, in nanoseconds, at 0 of Node's clock */
	/* answers */
	__u64 first_id;
	__u32 flags; /* enum node_flags */
	__u32 ids;   /* numbers for spans: wanted, then given from first_id on */
};

_Static_assert(sizeof(struct node_head) == 32, "hook.cjs counts on it");

enum node_type {
	NODE_BEGIN = 1,	  /* span, parent, time, name; detail = enum rt_told, RT_TOLD_FOLLOWS if
			     the answer before it found no connection */
	NODE_END = 2,	  /* span, time; detail = 1 where it failed */
	NODE_FACT = 3,	  /* span, key NUL value; detail = 1 where it is a number */
	NODE_OWNER = 4,	  /* span, place on a connection that it writes to; detail = descriptor */
	NODE_ANSWER = 6,  /* span, place of the request that it answers, time; likewise */
	NODE_ASK = 7,	  /* detail = descriptor; the answer is NODE_BYTES */
	NODE_SESSION = 5, /* the next TLS session that this thread begins; detail = descriptor */
};

struct node_record {
	__u16 type;
	__u16 size; /* of the record, this head included */
	__u32 detail;
};

#endif
