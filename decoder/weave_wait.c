/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/weave_wait.h"

#include <string.h>

#include "decoder/weave_segment.h"

static void point_rows_to(void *context, const struct fold *gone, const struct fold *into)
{
	struct weave *weave = context;
	struct store_fix fix = {.first = gone->first_row,
		.last = gone->last_row,
		.was = gone->id,
		.becomes = into->id};

	if (gone->first_row)
		store_fix_fold(weave->store, &fix);
}

void weave_move_folds(struct weave *weave, const struct level *level, uint32_t to, int64_t becomes)
{
	struct fold_move move = {.from = level->fold,
		.to = to,
		.was = level->promise,
		.becomes = becomes,
		.merged = point_rows_to,
		.context = weave};

	if (level->fold)
		folds_move(weave->folds, &move);
}

/* Their parent never came: they stand under the thread, and are counted. */
void weave_orphan(struct weave *weave, struct thread *thread, const struct level *level)
{
	struct store_fix fix = {.first = level->first_row,
		.last = level->last_row,
		.was = level->promise,
		.becomes = thread->span};

	if (level->first_row)
		store_fix_parent(weave->store, &fix);
	exchanges_orphan(weave->exchanges, level->promise, thread->span);
	segments_moved(weave->segments, level->promise, thread->span, true);
	weave_move_folds(weave, level, thread->fold, thread->span);
	thread->unpaired += level->calls;
}

/*
 * Sections may be rounded to different units, so that a parent may seem to begin after its first
 * child, or to end before its last, by less than one.
 */
static bool encloses(
	const struct section_call *call, const struct section *section, const struct level *level)
{
	uint64_t slack = nest_slack(call->end - call->start);

	return call->start < level->earliest + level->unit &&
		level->latest < call->end + section->unit + slack;
}

/* Makes a parent, and those around it, enclose its children also where rounding says otherwise. */
static void widen(const struct weave *weave, struct section_call *calls, int32_t parent,
	const struct level *level)
{
	for (; parent >= 0; parent = weave->parents[parent]) {
		struct section_call *call = &calls[parent];

		if (call->start <= level->earliest && level->latest <= call->end)
			break;
		if (call->start > level->earliest)
			call->start = level->earliest;
		if (call->end < level->latest)
			call->end = level->latest;
	}
}

/* Those whose parent is in this section; all others that will never have one are orphaned. */
size_t weave_settle(struct weave *weave, struct thread *thread, const struct section *section,
	struct section_call *calls, struct weave_adoption adoptions[NEST_DEPTHS])
{
	size_t count = 0;

	for (uint32_t depth = 1; depth < thread->levels.count; depth++) {
		struct level *level = &thread->levels.list[depth];
		int32_t parent = nest_taker(&weave->nest, depth);

		if (!level->calls || parent == NEST_OPEN)
			continue;
		if (parent >= 0 && encloses(&calls[parent], section, level)) {
			widen(weave, calls, parent, level);
			weave->woven[parent].id =
				calls[parent].kind >= RT_KIND_RUNTIME && calls[parent].result
				? weave_redeem(weave, level, weave_number(&calls[parent]))
				: level->promise;
			weave->woven[parent].row = 1;
			weave->woven[parent].children_ns += level->sum_ns;
			adoptions[count++] =
				(struct weave_adoption){.parent = parent, .level = *level};
		} else {
			weave_orphan(weave, thread, level);
		}
		memset(level, 0, sizeof(*level));
	}
	return count;
}

struct level *weave_join_level(struct weave *weave, struct thread *thread,
	const struct section *section, const struct section_call *call)
{
	struct level *level = levels_at(&thread->levels, call->depth);

	if (!level) {
		weave->failed = true;
		return NULL;
	}
	if (!level->promise)
		level->promise = ++weave->last_span;
	if (!level->calls || call->start < level->earliest)
		level->earliest = call->start;
	if (call->end > level->latest)
		level->latest = call->end;
	if (section->unit > level->unit)
		level->unit = section->unit;
	level->calls++;
	return level;
}
