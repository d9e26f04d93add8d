/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What preload/node/hook.cjs says to the shim, as writes to a descriptor that cannot exist. The
 * bytes are copied out of Node's buffer during the call, and nothing of it is kept: a buffer that
 * Node has freed is never looked at.
 *
 *   struct node_head | records, each starting at a multiple of 8 bytes
 *
 * The head is written back to: it is the shim's answer. Times are milliseconds of Node's own clock,
 * between the moment of the message before and that of this one.
 */
#ifndef PRELOAD_NODE_MESSAGES_H
#define PRELOAD_NODE_MESSAGES_H

#include "preload/emit.h"

#define NODE_MAGIC 0x54524a53

#define NODE_WANTED 1 /* in node_head.flags: spans are */

struct node_head {
	__u32 magic;
	__u32 size;	    /* of all */
	double now;	    /* of this message */
	double before;	    /* of the one before, which was at: */
	__u64 ticks_before; /* 0: there was none */
	/* answers */
	__u64 ticks; /* now */
	__u64 first_id;
	__u32 flags; /* NODE_WANTED */
	__u32 ids;   /* numbers for spans: wanted, then given from first_id on */
	__u64 spare;
};

_Static_assert(sizeof(struct node_head) == 64, "hook.cjs counts on it");

enum node_type {
	NODE_BEGIN = 1,	  /* span, parent, time, name; detail = enum rt_span_flavour */
	NODE_END = 2,	  /* span, time; detail = 1 where it failed */
	NODE_FACT = 3,	  /* span, key NUL value; detail = 1 where it is a number */
	NODE_OWNER = 4,	  /* span, position; detail = descriptor */
	NODE_STREAM = 6,  /* likewise; the position is an HTTP/2 stream's number */
	NODE_SESSION = 5, /* the next TLS session that this thread begins; detail = descriptor */
};

struct node_record {
	__u16 type;
	__u16 size; /* of the record, this head included */
	__u32 detail;
};

#endif
