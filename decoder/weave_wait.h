/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose parent has not ended yet (level.h), and what becomes of them. */
#ifndef DECODER_WEAVE_WAIT_H
#define DECODER_WEAVE_WAIT_H

#include "decoder/weave.h"

/* What waits goes under the fold `to`, and its folded calls under the row `becomes`. */
void weave_move_folds(struct weave *weave, const struct level *level, uint32_t to, int64_t becomes);

/* Their parent never came: they stand under the thread, and are counted. */
void weave_orphan(struct weave *weave, struct thread *thread, const struct level *level);

/* Those whose parent is in this section; all others that will never have one are orphaned. */
struct weave_adoption {
	int32_t parent;
	struct level level;
};
size_t weave_settle(struct weave *weave, struct thread *thread, const struct section *section,
	struct section_call *calls, struct weave_adoption adoptions[NEST_DEPTHS]);

/* The call waits from now on; NULL when memory is out. */
struct level *weave_join_level(struct weave *weave, struct thread *thread,
	const struct section *section, const struct section_call *call);

#endif
