/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/weave_segment.h"

bool weave_is_apart(const struct weave *weave, const struct section_call *call)
{
	uint64_t number = weave_number(call);

	if (!number)
		return false;
	return call->arg & RT_SEGMENT_APART ||
		(call->arg & RT_SEGMENT_RESUMED && segments_is_apart(weave->segments, number));
}

uint64_t weave_root(const struct weave *weave, const struct section_call *calls, int32_t index)
{
	for (; index >= 0; index = weave->parents[index]) {
		const struct section_call *call = &calls[index];
		uint64_t number = weave_number(call);

		if (number && segments_role(weave->segments, call->kind) & RT_ROLE_REQUEST)
			return number;
		if (weave_is_apart(weave, call))
			return segments_root(weave->segments, number);
	}
	return 0;
}

int64_t weave_redeem(struct weave *weave, const struct level *level, uint64_t number)
{
	int64_t row = segments_row(weave->segments, number, level->promise);
	struct store_fix fix = {.first = level->first_row,
		.last = level->last_row,
		.was = level->promise,
		.becomes = row};

	if (row == level->promise)
		return row;
	if (level->first_row)
		store_move_parent(weave->store, &fix);
	exchanges_move(weave->exchanges, level->promise, row);
	segments_moved(weave->segments, level->promise, row, false);
	return row;
}

bool weave_put_segment(struct weave *weave, const struct thread *thread,
	const struct section_call *call, const struct weave_place *place, struct segment_sum *sum)
{
	const struct segment_thread of = {thread->row, thread->span};
	struct segment segment = {
		.number = weave_number(call),
		.start_ns = call->start,
		.end_ns = call->end,
		.flags = (uint32_t)call->arg,
		.kind = call->kind,
		.operation = weave_operation(weave, call->kind),
		.thread = thread->row,
		.thread_span = thread->span,
		.fold = place->fold,
		.self_ns = place->self_ns,
		.root = place->root,
		.parent = call->arg & RT_SEGMENT_RESUMED ? thread->span : place->parent,
		.evidence = place->evidence,
	};

	if (call->arg & RT_SEGMENT_APART)
		segment.parent = segments_parent(
			weave->segments, segment.number, call->kind, &of, &segment.evidence);
	return segments_take(weave->segments, &segment, sum);
}

void weave_put_open(
	struct weave *weave, uint64_t number, uint32_t kind, const int64_t row[SPAN_COLUMNS])
{
	const struct segment segment = {
		.number = number,
		.start_ns = (uint64_t)row[SPAN_START],
		.kind = kind,
		.operation = row[SPAN_OPERATION],
		.thread = row[SPAN_THREAD],
		.thread_span = row[SPAN_PARENT],
		.fold = row[SPAN_FOLD],
		.parent = row[SPAN_PARENT],
		.evidence = (uint8_t)row[SPAN_EVIDENCE],
	};

	segments_open(weave->segments, &segment);
}
