/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program says to the shim of its own accord: as a write to a descriptor that cannot exist.
 * So nothing needs to be linked, in any language, and without the shim the kernel refuses it.
 *
 * Spoken by api/ (spans, below) and by preload/node/hook.cjs (preload/node/messages.h).
 */
#ifndef PRELOAD_MESSAGES_H
#define PRELOAD_MESSAGES_H

#include "preload/emit.h"

#include <sys/types.h>

#define MESSAGE_FD 0x7f524147

#define message_is(fd) unlikely((fd) == MESSAGE_FD)

/* What the write returns: -1 with EBADF where it is no message. */
COLD ssize_t message_take(void *data, size_t size);

/*
 * A fcntl of the descriptor, before a span's begin: by a caller who holds its interpreter's lock,
 * as for the write it may not. Remembers whose span it is. False where nobody listens.
 */
COLD bool message_ask(void);

/* Whether spans that the program tells are recorded now. */
COLD bool message_is_wanted(void);

/* `count` numbers for spans, from the one returned on. */
COLD __u64 message_numbers(unsigned count);

#define SPAN_MAGIC 0x5254534e

enum span_message_type {
	SPAN_MESSAGE_BEGIN = 1, /* text: name; the write returns the number, 0: not recorded */
	SPAN_MESSAGE_END = 2,
	SPAN_MESSAGE_FAIL = 3, /* it ends, and has failed */
	SPAN_MESSAGE_FACT = 4, /* text: key NUL value */
};

struct span_message {
	__u32 magic;
	__u32 type;
	__u64 span;
	char text[];
};

#endif
