/* SPDX-License-Identifier: Apache-2.0 */
/* Which object a call works on: a descriptor's file or connection, a lock, a host, a library. */
#ifndef DECODER_RESOLVE_H
#define DECODER_RESOLVE_H

#include <stdint.h>

#include "decoder/actor.h"
#include "decoder/objtab.h"
#include "decoder/section.h"
#include "decoder/weave.h"

/*
 * Replays what the block's calls did to descriptors, in the order of time. The threads of the
 * sections, and the processes new in this block with what they inherit, must be known.
 */
struct resolve_birth {
	struct process *process;
	uint64_t time; /* ticks */
};
int resolve_replay(struct weave *weave, const struct actors *actors,
	const struct sections *sections, const struct resolve_birth *births, size_t birth_count);

/* Of one call of the block, whose times are still ticks. 0: none. */
uint32_t resolve_object(struct weave *weave, const struct thread *thread,
	const struct section *section, const struct section_call *call);

/* Of a call that never ended, as things are now. */
uint32_t resolve_open(
	struct weave *weave, const struct thread *thread, uint32_t kind, uint64_t arg);

#endif
