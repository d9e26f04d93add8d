/* SPDX-License-Identifier: Apache-2.0 */
/* What the tracer wants hooked, read out of the mailbox. */
#ifndef PRELOAD_PATCH_QUESTION_H
#define PRELOAD_PATCH_QUESTION_H

#include "preload/emit.h"
#include "preload/patch/loaded.h"
#include "wire/patch.h"

/* Points into rt_region->mail: valid until the next question. */
struct wanted {
	const struct rt_patch *patch;
	const __u8 *window, *code;
	const struct rt_fix *fixes;
	const char *symbol; /* patch->symbol_size bytes, no NUL */
	uintptr_t address;
	const void *hook; /* one of our own, or NULL: a trampoline */
	struct thunk *thunk;
	__u32 outcome; /* enum rt_outcome_what; 0: not tried */
};

/* Asks for the functions of fresh objects. The answer's functions in wanted[], at most `room`;
 * sets *more where further ones are to be had by question_more. */
COLD unsigned question_ask(struct wanted *wanted, unsigned room, bool *more);
/* Asks how the entries of these functions of the program are moved. Their place in asked[] is
 * patch->kind. */
COLD unsigned question_linked(const struct loaded *program, const struct rt_ask_linked *asked,
	unsigned count, struct wanted *wanted, unsigned room);
COLD unsigned question_more(struct wanted *wanted, unsigned room, bool *more);

#endif
