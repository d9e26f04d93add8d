/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/segment.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/map.h"

/* Spans that are over and still known. */
#define OVER_MAX (1u << 17)
/* A task made by a task that is not traced, and so on: no honest trace goes on for ever. */
#define TASKS_MAX 64

enum state {
	SPAN_LINKED = 1,  /* a link said who made it */
	SPAN_TASK = 2,	  /* no span, but a task that was made */
	SPAN_CLAIMED = 4, /* the task's first coroutine has come */
	SPAN_BEGUN = 8,
	SPAN_APART = 16,
	SPAN_IS_TASK = 32, /* a coroutine that is a task's */
	SPAN_OVER = 64,
	SPAN_BEFORE = 128, /* it had begun before tracing did */
	SPAN_FIRST = 256,  /* its first segment has come, */
	SPAN_LAST = 512,   /* its last one: where it ran on several threads, in any order */
};

struct span {
	uint64_t number;
	uint64_t maker; /* number of what made it; 0: not known */
	uint64_t made;	/* ticks; of a task */
	uint64_t root;	/* number of the request's root that it is part of; 0: not known */
	uint64_t start_ns, end_ns;
	uint64_t longest_ns, longest_at; /* of its segments */
	struct segment_sum sum;
	int64_t row, parent, operation, thread, fold;
	int64_t first_child, last_child; /* rows that were linked to it */
	int64_t child_thread;		 /* root of a thread that such a one runs on */
	uint32_t kind, segments;
	uint32_t flags; /* enum rt_segment, of the last one */
	uint16_t state;
	uint8_t evidence;
};

struct segments {
	struct store *store;
	struct clock_align *clock;
	int64_t *last_span;
	struct map places; /* number to struct span */
	struct map moved;  /* row promised: what it became, twice, and one more where it was lost */
	uint64_t *over;	   /* a ring of numbers */
	uint64_t over_count;
	bool ending; /* nothing is forgotten any more */
	struct segments_totals totals;
	uint8_t roles[RT_RUNTIME_FUNCTIONS];
};

struct segments *segments_new(struct store *store, struct clock_align *clock, int64_t *last_span)
{
	struct segments *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->store = store;
	all->clock = clock;
	all->last_span = last_span;
	all->over = calloc(OVER_MAX, sizeof(*all->over));
	if (all->over)
		return all;
	segments_free(all);
	return NULL;
}

void segments_free(struct segments *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->places.capacity; i++)
		if (all->places.entries[i].used)
			free((struct span *)(uintptr_t)all->places.entries[i].value);
	map_free(&all->places);
	map_free(&all->moved);
	free(all->over);
	free(all);
}

void segments_set_role(struct segments *all, uint32_t kind, uint32_t role)
{
	if (kind >= RT_KIND_RUNTIME && kind < RT_KIND_LIMIT)
		all->roles[kind - RT_KIND_RUNTIME] = (uint8_t)role;
}

uint32_t segments_role(const struct segments *all, uint32_t kind)
{
	return kind >= RT_KIND_RUNTIME ? all->roles[kind - RT_KIND_RUNTIME] : 0;
}

static struct span *find(const struct segments *all, uint64_t number)
{
	uint64_t *place = map_find(&all->places, number);

	return place ? (struct span *)(uintptr_t)*place : NULL;
}

/* NULL when memory is out. */
static struct span *find_or_make(struct segments *all, uint64_t number)
{
	uint64_t *place = map_at(&all->places, number);
	struct span *span = place ? (struct span *)(uintptr_t)*place : NULL;

	if (!span && place) {
		span = calloc(1, sizeof(*span));
		*place = (uintptr_t)span;
		if (span)
			span->number = number;
	}
	if (!span)
		all->totals.failed = true;
	return span;
}

static void forget(struct segments *all, uint64_t number)
{
	struct span *span = find(all, number);

	/* a number that came back is another span's now */
	if (!span || !(span->state & (SPAN_OVER | SPAN_TASK)))
		return;
	map_remove(&all->places, number);
	free(span);
}

/* It may still be named for a while. */
static void retire(struct segments *all, const struct span *span)
{
	uint64_t *place = &all->over[all->over_count % OVER_MAX];

	if (all->ending)
		return;
	if (all->over_count >= OVER_MAX)
		forget(all, *place);
	*place = span->number;
	all->over_count++;
}

/* ---- rows ---- */

uint8_t segments_span_kind(const struct segments *all, uint32_t kind)
{
	return segments_role(all, kind) & RT_ROLE_REQUEST   ? RT_SPAN_root
		: segments_role(all, kind) & RT_ROLE_IMPORT ? RT_SPAN_load
							    : RT_SPAN_call;
}

/* An exception has no number: the one that exchanges fail with. */
int32_t segments_status(uint32_t flags)
{
	return flags & RT_SEGMENT_CANCELLED ? ECANCELED : flags & RT_SEGMENT_RAISED ? EPROTO : 0;
}

static void put_attribute(struct segments *all, int64_t row, const char *key, uint64_t number)
{
	struct value value[] = {value_int(row), value_text(key), value_int((int64_t)number)};

	store_put(all->store, STORE_ATTRIBUTE, value);
}

/* A segment as long as this is told: an event loop stands still meanwhile. */
#define LONG_NS 10000000

static void put_segments(struct segments *all, const struct span *span)
{
	put_attribute(all, span->row, "ragtime.segments", span->segments);
	if (span->longest_ns < LONG_NS)
		return;
	put_attribute(all, span->row, "ragtime.longest_active_ns", span->longest_ns);
	put_attribute(all, span->row, "ragtime.longest_active_start_ns",
		span->longest_at - span->start_ns);
}

/* What it waited for has come meanwhile, as another row or not at all. */
static void follow_parent(struct segments *all, struct span *span)
{
	uint64_t *moved = map_find(&all->moved, (uint64_t)span->parent);

	if (moved) {
		span->parent = (int64_t)(*moved >> 1);
		if (*moved & 1)
			span->evidence = RT_EVIDENCE_unknown;
	}
}

void segments_moved(struct segments *all, int64_t promise, int64_t becomes, bool lost)
{
	uint64_t *place = map_at(&all->moved, (uint64_t)promise);

	if (place)
		*place = (uint64_t)becomes << 1 | lost;
	else
		all->totals.failed = true;
}

static void put(struct segments *all, struct span *span, bool ended)
{
	follow_parent(all, span);
	uint8_t kind = segments_span_kind(all, span->kind);
	int64_t row[SPAN_COLUMNS] = {
		[SPAN_ID] = span->row,
		[SPAN_PARENT] = span->parent,
		[SPAN_THREAD] = span->thread,
		[SPAN_OPERATION] = span->operation,
		[SPAN_KIND_OF] =
			kind == RT_SPAN_call && span->state & SPAN_IS_TASK ? RT_SPAN_task : kind,
		[SPAN_START] = (int64_t)span->start_ns,
		[SPAN_END] = ended ? (int64_t)span->end_ns : STORE_NULL,
		[SPAN_EVIDENCE] = span->evidence,
		[SPAN_STATUS] = ended ? segments_status(span->flags) : STORE_NULL,
		[SPAN_RESULT] = STORE_NULL,
		[SPAN_OBJECT] = STORE_NULL,
		[SPAN_FOLD] = span->fold,
	};

	store_span(all->store, row);
	put_attribute(all, span->row, "ragtime.active_ns", span->sum.active_ns);
	if (span->state & SPAN_BEFORE)
		put_attribute(all, span->row, "ragtime.began_before", 1);
	if (span->segments > 1)
		put_segments(all, span);
	if (span->state & SPAN_IS_TASK && span->made) {
		uint64_t made_ns = clock_align_ns(all->clock, span->made);

		put_attribute(all, span->row, "ragtime.scheduled_ns",
			span->start_ns > made_ns ? span->start_ns - made_ns : 0);
	}
	span->state |= SPAN_OVER;
	all->totals.spans++;
	retire(all, span);
}

int64_t segments_row(struct segments *all, uint64_t number, int64_t promise)
{
	struct span *span = find_or_make(all, number);

	if (!span)
		return promise;
	if (!span->row)
		span->row = promise ? promise : ++*all->last_span;
	return span->row;
}

/* ---- who made whom ---- */

static void link_one(struct segments *all, const Ragtime__Raw__Link *raw)
{
	struct span *span = raw->event == RT_EV_runtime_gone ? NULL : find_or_make(all, raw->span);

	if (!span || span->state & SPAN_LINKED)
		return;
	span->state |= SPAN_LINKED;
	span->maker = raw->parent;
	if (raw->event != RT_EV_runtime_task)
		return;
	span->state |= SPAN_TASK;
	span->made = raw->ticks;
	retire(all, span);
}

void segments_link(struct segments *all, const struct trace_batch *batch)
{
	const Ragtime__Raw__Batch *tables = batch->tables;

	for (size_t i = 0; i < tables->n_links; i++)
		link_one(all, tables->links[i]);
}

void segments_end(struct segments *all, const struct trace_batch *batch)
{
	const Ragtime__Raw__Batch *tables = batch->tables;

	for (size_t i = 0; i < tables->n_links; i++) {
		struct span *span = tables->links[i]->event == RT_EV_runtime_gone
			? find(all, tables->links[i]->span)
			: NULL;

		if (span && span->state & SPAN_BEGUN && !(span->state & SPAN_OVER))
			put(all, span, true);
	}
}

bool segments_is_apart(const struct segments *all, uint64_t number)
{
	const struct span *span = find(all, number);

	return span && span->state & SPAN_APART;
}

/* The span behind a task, or behind several in a row; the first coroutine of a task is the task. */
static uint64_t maker_of(struct segments *all, struct span *span, bool suspends)
{
	uint64_t number = span->maker;

	for (int step = 0; number && step < TASKS_MAX; step++) {
		struct span *maker = find(all, number);

		if (!maker || !(maker->state & SPAN_TASK))
			return number;
		if (!step && suspends && !(maker->state & SPAN_CLAIMED)) {
			maker->state |= SPAN_CLAIMED;
			span->state |= SPAN_IS_TASK;
			span->made = maker->made;
		}
		number = maker->maker;
	}
	return 0;
}

int64_t segments_parent(struct segments *all, uint64_t number, uint32_t kind,
	const struct segment_thread *thread, uint8_t *evidence)
{
	struct span *span = find_or_make(all, number), *maker;
	uint32_t role = segments_role(all, kind);
	uint64_t made_by;

	*evidence = RT_EVIDENCE_exact;
	if (!span)
		return thread->span;
	span->state |= SPAN_APART;
	made_by = maker_of(all, span, role & RT_ROLE_SUSPENDS);
	if (role & RT_ROLE_REQUEST)
		return thread->span;
	maker = made_by ? find_or_make(all, made_by) : NULL;
	if (!maker || maker == span) {
		all->totals.orphans++;
		*evidence = RT_EVIDENCE_unknown;
		return thread->span;
	}
	if (!maker->row)
		maker->row = ++*all->last_span;
	if (!maker->first_child || span->row < maker->first_child)
		maker->first_child = span->row;
	if (span->row > maker->last_child)
		maker->last_child = span->row;
	maker->child_thread = thread->span;
	return maker->row;
}

uint64_t segments_root(const struct segments *all, uint64_t number)
{
	for (int step = 0; number && step < TASKS_MAX; step++) {
		const struct span *span = find(all, number);

		if (!span)
			break;
		if (span->root || !(span->state & SPAN_LINKED))
			return span->root;
		number = span->maker;
	}
	return 0;
}

void segments_answers(struct segments *all, uint64_t root, int64_t row)
{
	struct span *span = find(all, root);
	struct store_fix fix = {.becomes = row};

	if (!span || !(span->state & SPAN_BEGUN) || span->row == row)
		return;
	fix.first = fix.last = span->row;
	fix.was = span->parent;
	if (span->state & SPAN_OVER)
		store_move_parent(all->store, &fix);
	span->parent = row;
}

/* ---- segments ---- */

static void begin(struct span *span, const struct segment *segment)
{
	uint16_t first = segment->flags & RT_SEGMENT_RESUMED ? 0 : SPAN_FIRST;

	if (span->state & SPAN_BEGUN && (!first || span->state & SPAN_FIRST))
		return;
	span->state |= SPAN_BEGUN | first;
	span->start_ns = segment->start_ns;
	span->parent = segment->parent == span->row ? segment->thread_span : segment->parent;
	span->evidence = segment->evidence;
	span->root = segment->root;
	span->thread = segment->thread;
	span->operation = segment->operation;
	span->kind = segment->kind;
	if (!(segment->flags & RT_SEGMENT_BEFORE))
		return;
	span->state |= SPAN_BEFORE;
	if (span->parent == segment->thread_span)
		span->evidence = RT_EVIDENCE_unknown;
}

void segments_open(struct segments *all, const struct segment *segment)
{
	struct span *span = find_or_make(all, segment->number);

	if (!span || span->state & SPAN_OVER)
		return;
	begin(span, segment);
	span->fold = segment->fold;
	put(all, span, false);
}

static void keep_longest(struct span *span, const struct segment *segment)
{
	uint64_t ns = segment->end_ns - segment->start_ns;

	if (ns <= span->longest_ns)
		return;
	span->longest_ns = ns;
	span->longest_at = segment->start_ns;
}

bool segments_take(struct segments *all, const struct segment *segment, struct segment_sum *sum)
{
	struct span *span = find_or_make(all, segment->number);

	if (!span || span->state & SPAN_OVER)
		return false;
	begin(span, segment);
	span->fold = segment->fold;
	if (segment->start_ns < span->start_ns)
		span->start_ns = segment->start_ns;
	if (segment->end_ns > span->end_ns)
		span->end_ns = segment->end_ns;
	span->sum.active_ns += segment->end_ns - segment->start_ns;
	span->sum.self_ns += segment->self_ns;
	keep_longest(span, segment);
	span->segments++;
	if (!(span->state & SPAN_LAST))
		span->flags = segment->flags;
	*sum = span->sum;
	if (!(segment->flags & RT_SEGMENT_SUSPENDED))
		span->state |= SPAN_LAST;
	if (!(span->state & SPAN_LAST) || !(span->state & (SPAN_FIRST | SPAN_BEFORE)))
		return false;
	put(all, span, true);
	return true;
}

/* ---- the end ---- */

/* What names it as its parent hangs below a thread instead. */
static void disown(struct segments *all, const struct span *span)
{
	struct store_fix fix = {.first = span->first_child,
		.last = span->last_child,
		.was = span->row,
		.becomes = span->child_thread};

	if (!span->first_child)
		return;
	store_fix_parent(all->store, &fix);
	all->totals.strays++;
}

static struct span *at(const struct segments *all, size_t place)
{
	const struct map_entry *entry = &all->places.entries[place];

	return entry->used ? (struct span *)(uintptr_t)entry->value : NULL;
}

/* First all rows, then what is wrong with them. */
void segments_finish(struct segments *all, struct segments_totals *totals)
{
	all->ending = true;
	for (size_t i = 0; i < all->places.capacity; i++) {
		struct span *span = at(all, i);

		if (!span || span->state & SPAN_OVER || !(span->state & SPAN_BEGUN))
			continue;
		all->totals.unfinished += !(span->state & SPAN_LAST);
		put(all, span, span->state & SPAN_LAST);
	}
	for (size_t i = 0; i < all->places.capacity; i++) {
		struct span *span = at(all, i);

		if (span && !(span->state & SPAN_BEGUN))
			disown(all, span);
	}
	*totals = all->totals;
}
