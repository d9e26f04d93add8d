/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/weave.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/attribute.h"
#include "decoder/resolve.h"
#include "decoder/traits.h"
#include "decoder/weave_segment.h"
#include "decoder/weave_wait.h"

void weave_free(struct weave *weave)
{
	free(weave->parents);
	free(weave->woven);
	weave->parents = NULL;
	weave->woven = NULL;
	weave->capacity = 0;
}

static int make_room(struct weave *weave, size_t count)
{
	if (count > weave->capacity) {
		weave_free(weave);
		weave->parents = calloc(count, sizeof(*weave->parents));
		weave->woven = calloc(count, sizeof(*weave->woven));
		if (!weave->parents || !weave->woven)
			return -ENOMEM;
		weave->capacity = count;
	}
	memset(weave->woven, 0, count * sizeof(*weave->woven));
	return 0;
}

/* ---- from the last call to the first: parents before children ---- */

static uint32_t fold_under(struct weave *weave, struct thread *thread, uint32_t parent,
	uint32_t kind, uint32_t *object)
{
	uint32_t number = folds_find(weave->folds, parent, kind, *object);
	uint32_t process = thread->process->id;

	if (!number)
		number = folds_make(weave->folds, parent, kind, *object, false);
	if (!number && *object) {
		uint8_t object_kind = objtab_get(weave->objects, *object)->kind;
		uint32_t other = objtab_other(weave->objects, process, object_kind);

		number = folds_find(weave->folds, parent, kind, other);
		if (!number)
			number = folds_make(weave->folds, parent, kind, other, false);
	}
	if (!number) {
		weave->coarse++;
		number = folds_find(weave->folds, thread->fold, kind, 0);
	}
	if (!number)
		number = folds_make(weave->folds, thread->fold, kind, 0, true);
	if (!number)
		weave->failed = true;
	return number;
}

static bool gives_row(struct weave *weave, struct thread *thread, const struct section_call *call,
	int32_t parent, bool waits, const struct fold *fold)
{
	const struct trait *trait = trait_of(call->kind);
	uint64_t *given;

	if (trait->flags & TRAIT_ROW || call->note_count || weave_number(call) ||
		call->end - call->start >= WEAVE_SLOW_NS)
		return true;
	if (trait_is_failure(trait_status(call->kind, call->result)))
		return true;
	if (weave->row_limit == WEAVE_ALL_ROWS)
		return true;
	if (trait->flags & TRAIT_MARK || (parent >= 0 && !weave->woven[parent].row))
		return false;
	if (!waits)
		return fold->rows < weave->row_limit;
	/* The node it will end up in is not known yet: a limit of their own for all such. */
	given = map_at(&thread->levels.rows, (uint64_t)call->depth << 32 | call->kind);
	return given && (*given)++ < weave->row_limit;
}

struct backward {
	uint64_t deepest_start; /* of the outermost call at NEST_DEEPEST passed so far */
	size_t rows;
};

/* What it says of descriptors and handles, the replay has read. */
static bool is_only_replayed(const struct section_call *call)
{
	return call->kind == RT_EV_descriptor || call->kind == RT_EV_tls_socket;
}

static void place_call(struct weave *weave, struct thread *thread, const struct section *section,
	struct section_call *calls, size_t i, struct backward *state)
{
	struct section_call *call = &calls[i];
	struct woven *woven = &weave->woven[i];
	int32_t parent = weave->parents[i];
	uint32_t above = thread->fold;

	if (call->depth < NEST_DEEPEST)
		state->deepest_start = UINT64_MAX;
	else if (call->start >= state->deepest_start)
		woven->nested_deepest = 1;
	else
		state->deepest_start = call->start;
	if (parent >= 0) {
		above = weave->woven[parent].fold;
		woven->waits = weave->woven[parent].waits;
	} else if (parent == NEST_OPEN) {
		struct level *level = weave_join_level(weave, thread, section, call);

		if (level && !level->fold)
			level->fold = folds_root(weave->folds);
		above = level && level->fold ? level->fold : above;
		woven->waits = 1;
	}
	if (is_only_replayed(call)) {
		woven->fold = above;
		return;
	}
	if (weave_is_apart(weave, call))
		above = thread->fold;
	woven->object = resolve_object(weave, thread, section, call);
	if (call->kind == RT_EV_data) {
		woven->fold = above;
		woven->row = 1;
		state->rows++;
		return;
	}
	if (!thread->calls++ || call->start < thread->first)
		thread->first = call->start;
	if (call->end > thread->last)
		thread->last = call->end;
	call->start = clock_align_ns(weave->clock, call->start);
	call->end = clock_align_ns(weave->clock, call->end);
	woven->fold = fold_under(weave, thread, above, call->kind, &woven->object);
	weave->kind_used[call->kind] |= WEAVE_KIND_USED;
	if (!woven->row)
		woven->row = gives_row(weave, thread, call, parent, woven->waits,
			fold_at(weave->folds, woven->fold));
	if (woven->row) {
		fold_at(weave->folds, woven->fold)->rows++;
		state->rows++;
	}
}

/* ---- from the first call to the last: children before parents ---- */

/* Whoever has a row below becomes one; rows are numbered in the order of their ends. */
static void number_rows(struct weave *weave, const struct section_call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct woven *woven = &weave->woven[i];
		int32_t parent = weave->parents[i];

		if (!woven->row)
			continue;
		if (!woven->id && weave_number(&calls[i]))
			woven->id = segments_row(weave->segments, weave_number(&calls[i]), 0);
		if (!woven->id)
			woven->id = ++weave->last_span;
		if (parent >= 0 && !weave->woven[parent].row) {
			weave->woven[parent].row = 1;
			fold_at(weave->folds, weave->woven[parent].fold)->rows++;
		}
	}
}

static int64_t parent_span(const struct weave *weave, const struct thread *thread,
	const struct section_call *call, int32_t parent)
{
	if (parent >= 0)
		return weave->woven[parent].id ? weave->woven[parent].id : FOLD_MANY;
	if (parent == NEST_OPEN)
		return thread->levels.list[call->depth].promise;
	return thread->span;
}

static uint8_t evidence_of(const struct section_call *call, int32_t parent)
{
	if (parent == NEST_LOST)
		return RT_EVIDENCE_unknown;
	return call->depth == NEST_DEEPEST ? RT_EVIDENCE_inferred : RT_EVIDENCE_exact;
}

static void put_row(struct weave *weave, const struct thread *thread,
	const struct section_call *call, const struct woven *woven, int32_t parent)
{
	const struct fold *fold = fold_at(weave->folds, woven->fold);
	int64_t row[SPAN_COLUMNS] = {
		[SPAN_ID] = woven->id,
		[SPAN_PARENT] = parent_span(weave, thread, call, parent),
		[SPAN_THREAD] = thread->row,
		[SPAN_OPERATION] = weave_operation(weave, call->kind),
		[SPAN_KIND_OF] = weave_span_kind(weave, call->kind),
		[SPAN_START] = (int64_t)call->start,
		[SPAN_END] = (int64_t)call->end,
		[SPAN_EVIDENCE] = evidence_of(call, parent),
		[SPAN_STATUS] = weave_status(call),
		[SPAN_RESULT] = call->kind < RT_KIND_RUNTIME ? call->result : STORE_NULL,
		[SPAN_OBJECT] = woven->object ? weave->first_object + woven->object : STORE_NULL,
		[SPAN_FOLD] = fold->id,
	};

	store_span(weave->store, row);
}

static void note_row(int64_t *first, int64_t *last, int64_t id)
{
	if (!*first || id < *first)
		*first = id;
	if (id > *last)
		*last = id;
}

static bool is_connection(const struct weave *weave, uint32_t object)
{
	return object && objtab_get(weave->objects, object)->kind == RT_OBJECT_socket;
}

static uint32_t line_of(
	const struct weave *weave, uint32_t process, uint32_t object, uint64_t session)
{
	if (is_connection(weave, object))
		return timeline_of_object(weave->timeline, process, object);
	return session ? timeline_of_session(weave->timeline, process, session) : 0;
}

/* A mark follows the call that moved its bytes: the TLS session of that call, or 0. */
static uint64_t session_of(const struct section_call *call, size_t before)
{
	while (before && call[-1].kind == RT_EV_data)
		call--, before--;
	return before && trait_of(call[-1].kind)->arg == RT_ARG_handle ? call[-1].arg : 0;
}

static void tell_timeline(struct weave *weave, const struct thread *thread,
	const struct section *section, const struct section_call *call, uint32_t object)
{
	struct timeline_call told = {
		.process = thread->process->id,
		.thread = thread->id,
		.object = object,
		.is_connection = is_connection(weave, object),
		.batch = weave->batch,
		.section = section,
		.call = call,
	};

	timeline_take(weave->timeline, &told);
}

/* Its row is written when the exchange that it may have begun is over. */
static void leave_mark(struct weave *weave, const struct thread *thread,
	const struct section_call *call, const struct woven *woven, int32_t parent,
	uint64_t session)
{
	uint32_t line = line_of(weave, thread->process->id, woven->object, session);
	uint32_t object = woven->object ? woven->object : timeline_object(weave->timeline, line);
	struct exchange_mark mark = {
		.connection = (uint32_t)(call->arg >> 32),
		.mark = (uint64_t)call->result,
		.id = woven->id,
		.parent = parent_span(weave, thread, call, parent),
		.object = object ? weave->first_object + object : STORE_NULL,
		.evidence = evidence_of(call, parent),
		.line = line,
	};

	if (parent == NEST_OPEN) {
		struct level *level = &thread->levels.list[call->depth];

		note_row(&level->first_row, &level->last_row, woven->id);
	}
	if (exchanges_mark(weave->exchanges, &mark))
		weave->failed = true;
}

/* Is it to be tallied: a call, or a span's last segment, which then stands for all of them? */
static bool tally_segment(struct weave *weave, const struct thread *thread,
	const struct section_call *calls, size_t i, struct fold_call *tallied)
{
	const struct section_call *call = &calls[i];
	int32_t parent = weave->parents[i];
	struct weave_place place = {
		.fold = fold_at(weave->folds, weave->woven[i].fold)->id,
		.parent = parent_span(weave, thread, call, parent),
		.self_ns = tallied->self_ns,
		.evidence = evidence_of(call, parent),
	};
	struct segment_sum sum;

	if (!weave_number(call))
		return true;
	place.root = weave_root(weave, calls, (int32_t)i);
	if (!weave_put_segment(weave, thread, call, &place, &sum))
		return false;
	tallied->start_ns = tallied->end_ns > sum.active_ns ? tallied->end_ns - sum.active_ns : 0;
	tallied->self_ns = sum.self_ns;
	return true;
}

static void count_call(struct weave *weave, struct thread *thread, const struct section *section,
	const struct section_call *calls, size_t i)
{
	const struct section_call *call = &calls[i];
	struct woven *woven = &weave->woven[i];
	struct fold *fold = fold_at(weave->folds, woven->fold);
	uint64_t length = call->end - call->start;
	int32_t parent = weave->parents[i];
	const struct trait *trait = trait_of(call->kind);
	struct fold_call tallied = {
		.start_ns = call->start,
		.end_ns = call->end,
		.self_ns = length > woven->children_ns ? length - woven->children_ns : 0,
		.weight = section->weight,
		.failed = trait_is_failure(weave_status(call)),
		.bytes =
			trait->flags & TRAIT_BYTES && call->result > 0 ? (uint64_t)call->result : 0,
	};

	if (tally_segment(weave, thread, calls, i, &tallied))
		fold_add(fold, woven->row ? FOLD_ROWS : FOLD_FOLDED, &tallied);
	if (parent >= 0 && !woven->nested_deepest)
		weave->woven[parent].children_ns += length;
	else if (parent == NEST_OPEN && !woven->nested_deepest)
		thread->levels.list[call->depth].sum_ns += length;
	else if (parent == NEST_LOST && !(trait->flags & TRAIT_MARK))
		thread->unpaired++;
	if (trait->flags & TRAIT_UNKNOWN)
		thread->unknown_kinds++;
	if (!woven->row) {
		fold_set_parent(fold, parent_span(weave, thread, call, parent));
		return;
	}
	note_row(&fold->first_row, &fold->last_row, woven->id);
	if (parent == NEST_OPEN) {
		struct level *level = &thread->levels.list[call->depth];

		note_row(&level->first_row, &level->last_row, woven->id);
	}
	if (!weave_number(call))
		put_row(weave, thread, call, woven, parent);
	if (call->note_count)
		attribute_put_notes(weave->store, weave->batch, section, call,
			objtab_text(
				weave->objects, objtab_get(weave->objects, woven->object)->name),
			woven->id);
}

/* What is written belongs to the request that writes it; what is read, to nobody. */
static void tell_answer(struct weave *weave, const struct section_call *calls, size_t i)
{
	uint64_t root = calls[i].result & 1 ? 0 : weave_root(weave, calls, weave->parents[i]);

	if (root)
		serves_wrote(weave->serves, (uint32_t)(calls[i].arg >> 32), calls[i].start, root);
}

int weave_section(struct weave *weave, struct thread *thread, const struct section *section,
	struct section_call *calls)
{
	struct weave_adoption adoptions[NEST_DEPTHS];
	struct backward state = {.deepest_start = UINT64_MAX};
	size_t adopted;

	if (make_room(weave, section->count))
		return -ENOMEM;
	if (!thread->fold && !(thread->fold = folds_root(weave->folds)))
		return -ENOMEM;
	nest_resolve(&weave->nest, calls, section->count, weave->parents);
	adopted = weave_settle(weave, thread, section, calls, adoptions);
	for (size_t i = section->count; i-- > 0;)
		place_call(weave, thread, section, calls, i, &state);
	if (weave->failed)
		return -ENOMEM;
	for (size_t i = 0; i < adopted; i++)
		weave_move_folds(weave, &adoptions[i].level, weave->woven[adoptions[i].parent].fold,
			weave->woven[adoptions[i].parent].id);
	if (state.rows)
		number_rows(weave, calls, section->count);
	for (size_t i = 0; i < section->count; i++) {
		const struct woven *woven = &weave->woven[i];

		if (calls[i].kind == RT_EV_data) {
			leave_mark(weave, thread, &calls[i], woven, weave->parents[i],
				session_of(&calls[i], i));
			tell_answer(weave, calls, i);
			continue;
		}
		if (!is_only_replayed(&calls[i]))
			count_call(weave, thread, section, calls, i);
		if (trait_of(calls[i].kind)->flags & TRAIT_LINE)
			tell_timeline(weave, thread, section, &calls[i], woven->object);
	}
	return weave->failed || weave->folds->failed ? -ENOMEM : 0;
}

/* ---- the end ---- */

static void put_open_row(struct weave *weave, const struct thread *thread,
	const struct weave_open *call, uint64_t number, int64_t id, int64_t parent, uint32_t fold,
	uint8_t evidence)
{
	int64_t row[SPAN_COLUMNS] = {
		[SPAN_ID] = id,
		[SPAN_PARENT] = parent,
		[SPAN_THREAD] = thread->row,
		[SPAN_OPERATION] = weave_operation(weave, call->kind),
		[SPAN_KIND_OF] = weave_span_kind(weave, call->kind),
		[SPAN_START] = (int64_t)clock_align_ns(weave->clock, call->start),
		[SPAN_END] = STORE_NULL,
		[SPAN_EVIDENCE] = evidence,
		[SPAN_STATUS] = STORE_NULL,
		[SPAN_RESULT] = STORE_NULL,
		[SPAN_OBJECT] = STORE_NULL,
		[SPAN_FOLD] = fold ? fold_at(weave->folds, fold)->id : STORE_NULL,
	};
	uint32_t object = resolve_open(weave, thread, call->kind, call->arg);

	if (object)
		row[SPAN_OBJECT] = weave->first_object + object;
	if (number)
		weave_put_open(weave, number, call->kind, row);
	else
		store_span(weave->store, row);
}

static bool began_in(const struct level *level, const struct weave_open *call)
{
	return level->calls && call->start < level->earliest + level->unit;
}

/* As widen does: nothing begins before the call around it. */
static void widen_open(struct thread *thread, struct weave_open *calls, size_t count)
{
	uint64_t earliest = UINT64_MAX;

	for (size_t i = count; i-- > 0;) {
		const struct level *level = levels_at(&thread->levels, calls[i].depth + 1);

		if (level && began_in(level, &calls[i]) && level->earliest < earliest)
			earliest = level->earliest;
		if (calls[i].start > earliest && calls[i].start - earliest < WEAVE_UNIT_MAX)
			calls[i].start = earliest;
		if (calls[i].start < earliest)
			earliest = calls[i].start;
	}
}

static bool is_joined(const struct weave_open *calls, size_t i)
{
	if (!i)
		return calls[0].depth == 0;
	return calls[i].depth == calls[i - 1].depth + 1 && calls[i - 1].start <= calls[i].start;
}

void weave_open_calls(
	struct weave *weave, struct thread *thread, struct weave_open *calls, size_t count)
{
	int64_t above = thread->span;
	uint32_t above_fold;

	if (!thread->fold && !(thread->fold = folds_root(weave->folds)))
		weave->failed = true;
	above_fold = thread->fold;
	widen_open(thread, calls, count);
	for (size_t i = 0; i < count && !weave->failed; i++) {
		const struct weave_open *call = &calls[i];
		struct level *level = levels_at(&thread->levels, call->depth + 1);
		bool joined = is_joined(calls, i);
		bool has_children = level && began_in(level, call);
		uint64_t number = call->kind >= RT_KIND_RUNTIME ? call->arg : 0;
		int64_t id = number && has_children ? weave_redeem(weave, level, number)
			: number		    ? segments_row(weave->segments, number, 0)
			: has_children		    ? level->promise
						    : ++weave->last_span;
		uint32_t none = 0, fold = 0;

		if (!joined) {
			above = thread->span;
			above_fold = thread->fold;
			thread->unpaired++;
		}
		if (has_children || i + 1 < count)
			fold = fold_under(weave, thread, above_fold, call->kind, &none);
		if (has_children) {
			weave_move_folds(weave, level, fold, id);
			memset(level, 0, sizeof(*level));
		}
		weave->kind_used[call->kind] |= WEAVE_KIND_USED;
		put_open_row(weave, thread, call, number, id, above, fold,
			joined ? RT_EVIDENCE_exact : RT_EVIDENCE_unknown);
		if (!thread->first || call->start < thread->first)
			thread->first = call->start;
		thread->unfinished++;
		above = id;
		above_fold = fold;
	}
}

void weave_end(struct weave *weave, struct thread *thread)
{
	for (uint32_t depth = 0; depth < thread->levels.count; depth++) {
		struct level *level = &thread->levels.list[depth];

		if (level->calls)
			weave_orphan(weave, thread, level);
		memset(level, 0, sizeof(*level));
	}
}
