/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cold half of emit.h: claiming slots and chunks, tails, sampling, the slow clock. It makes no
 * system call where libc is glibc, takes no lock and allocates nothing.
 *
 * Every path through here writes a record, or counts it in rt_slot.lost, rt_slot.lost_nested or
 * rt_region.lost_no_slot.
 */
#include "preload/emit.h"
#include "preload/process.h"

#include <time.h>

/* How long a thread drops records before it searches for a free chunk again: some 30 us. */
#define CHUNK_RETRY_TICKS (1ull << 16)
/* Where the tracer has not looked for 2^35 ticks, some ten seconds, it is taken for gone. */
#define STALE_TICKS (1ull << 35)
/* How long nobody searches for a free slot after a search in vain: 2^24 ticks, some milliseconds */
#define SLOT_RETRY_TICKS (1ull << 24)

static struct rt_region nowhere;
static struct rt_thread nobody; /* the thread of those without a slot: never written */

struct rt_region *rt_region = &nowhere;
bool rt_came_late;
__thread struct rt_self rt_self = {.thread = &nobody};
ptrdiff_t rt_self_offset;

static __u64 slot_retry;

extern int clock_gettime(clockid_t, struct timespec *) __attribute__((weak));

void region_leave(void)
{
	rt_region = &nowhere;
}

/* A descriptor of static TLS holds the offset itself, one of dynamic TLS a pointer. */
void self_locate(void)
{
	ptrdiff_t offset = (char *)&rt_self - (char *)__builtin_thread_pointer();
	const ptrdiff_t *descriptor;

	__asm__("lea rt_self@TLSDESC(%%rip), %0" : "=a"(descriptor));
	if (descriptor[1] == offset)
		rt_self_offset = offset;
}

static bool on_alternate(uintptr_t address)
{
	return address - rt_self.alternate < rt_self.alternate_size;
}

bool frame_is_over(uintptr_t frame, uintptr_t here)
{
	bool alternate = on_alternate(frame);

	return alternate == on_alternate(here) ? frame_is_dead(frame, here) : alternate;
}

__u64 ticks_now(void)
{
	struct timespec now;

	if (likely(!(rt_region->flags & RT_REGION_SLOW_CLOCK)))
		return tsc_read();
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ull + (__u64)now.tv_nsec;
}

/*
 * The straight path tests only `limit`: where calls need more than a TSC and a record, it is NULL.
 * A thread in force of a rate stays on the cold path until it has announced the end of that.
 */
static void limit_set(struct rt_thread *thread)
{
	bool straight = !thread->rate && !(rt_region->flags & RT_REGION_SLOW_CLOCK);

	thread->limit = straight ? thread->chunk->records + RT_CHUNK_RECORDS : NULL;
}

static struct rt_chunk *chunk_claim(struct rt_region *region, struct rt_slot *slot)
{
	for (unsigned word = 0; word * 64 < region->chunks; word++) {
		__u64 *bits = &region->free_chunks[word];
		__u64 free = __atomic_load_n(bits, __ATOMIC_RELAXED);

		while (free) {
			unsigned index = word * 64 + (unsigned)__builtin_ctzll(free);
			struct rt_chunk *chunk;

			if (!__atomic_compare_exchange_n(bits, &free, free & (free - 1), false,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				continue;
			chunk = (struct rt_chunk *)((char *)region + region->chunks_offset) + index;
			chunk->head = 0;
			chunk->next = 0;
			chunk->slot = (__u32)(slot - region_slots(region));
			chunk->generation = slot->generation;
			return chunk;
		}
	}
	return NULL;
}

static __u32 chunk_number(const struct rt_region *region, const struct rt_chunk *chunk)
{
	return (__u32)(((const char *)chunk - (const char *)region - region->chunks_offset) /
		       RT_CHUNK_SIZE) +
		1;
}

/*
 * Goes on in a new chunk, first where there is none yet. After a search in vain the thread drops
 * records for a while without one: a full ring must not cost more than a working one.
 */
static bool chunk_switch(struct rt_thread *thread)
{
	struct rt_region *region = rt_region;
	__u64 now = tsc_read();
	struct rt_chunk *chunk;

	if (thread->retry - now < SLOT_RETRY_TICKS)
		return false;
	chunk = chunk_claim(region, thread->slot);
	if (!chunk) {
		if (rt_came_late && now - region->beat >= STALE_TICKS)
			__atomic_store_n(&region->mode, RT_MODE_OFF, __ATOMIC_RELAXED);
		thread->retry = now +
			(now - region->beat < STALE_TICKS ? CHUNK_RETRY_TICKS
							  : SLOT_RETRY_TICKS - 1);
		return false;
	}
	__atomic_store_n(thread->chunk ? &thread->chunk->next : &thread->slot->first_chunk,
		chunk_number(region, chunk), __ATOMIC_RELEASE);
	thread->chunk = chunk;
	thread->next = chunk->records;
	limit_set(thread);
	return true;
}

static void head_publish(struct rt_thread *thread, struct rt_record *next)
{
	thread->next = next;
	__atomic_store_n(
		&thread->chunk->head, (__u32)(next - thread->chunk->records), __ATOMIC_RELEASE);
}

/* Room for `count` contiguous records. What is left of a chunk too short is padded. */
static struct rt_record *room_make(struct rt_thread *thread, unsigned count)
{
	struct rt_record *end;

	if (likely(thread->chunk)) {
		end = thread->chunk->records + RT_CHUNK_RECORDS;
		if (likely(end - thread->next >= count))
			return thread->next;
		if (thread->next < end) {
			struct rt_record *pad = thread->next;

			*pad = (struct rt_record){.kind = RT_EV_pad};
			head_publish(thread, end);
		}
	}
	return chunk_switch(thread) ? thread->next : NULL;
}

static void record_fill(struct rt_record *record, const struct rt_record *from,
	const struct rt_bytes *bytes, unsigned size)
{
	struct rt_tail *tail = (struct rt_tail *)(record + 1);

	*record = *from;
	if (!bytes)
		return;
	record->flags |= RT_FLAG_TAIL;
	tail->size = (__u16)size;
	tail->type = bytes->type;
	tail->pad = 0;
	tail->info = bytes->info;
	bytes_copy(tail->bytes, bytes->data, size);
}

static void record_write(
	struct rt_thread *thread, const struct rt_record *from, const struct rt_bytes *bytes)
{
	unsigned size = !bytes ? 0 : bytes->size < RT_TAIL_MAX ? bytes->size : RT_TAIL_MAX;
	unsigned count = 1 + (bytes ? RT_TAIL_SLOTS(size) : 0);
	struct rt_record *record = room_make(thread, count);

	if (!record) {
		thread->slot->lost++;
		return;
	}
	record_fill(record, from, bytes, size);
	head_publish(thread, record + count);
}

/* Says from where on another rate holds for this thread. */
static void rate_follow(struct rt_thread *thread, __u64 now)
{
	__u32 mode = __atomic_load_n(&rt_region->mode, __ATOMIC_RELAXED);
	__u32 rate = mode == RT_MODE_SAMPLED && rt_region->rate > 1 ? rt_region->rate : 0;
	struct rt_record mark;

	if (likely(thread->rate == rate)) {
		if (thread->chunk)
			limit_set(thread);
		return;
	}
	thread->rate = rate;
	mark = (struct rt_record){.start = now, .kind = RT_EV_rate, .arg = rate ? rate : 1};
	record_write(thread, &mark, NULL);
	if (thread->chunk)
		limit_set(thread);
}

/* Begins the writing of a record; false where a writer further out in this thread is at it. */
static bool writer_begin(struct rt_thread *thread, uintptr_t frame)
{
	if (thread->busy && !frame_is_over(thread->busy, frame)) {
		thread->slot->lost_nested++;
		return false;
	}
	thread->busy = frame;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return true;
}

static void writer_end(struct rt_thread *thread)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	thread->busy = 0;
}

static struct rt_slot *slot_claim(struct rt_region *region)
{
	unsigned hint = (unsigned)__atomic_load_n(&region->slot_hint, __ATOMIC_RELAXED);
	__u64 now = tsc_read();

	if (now < __atomic_load_n(&slot_retry, __ATOMIC_RELAXED))
		return NULL;
	for (unsigned step = 0; step < region->slots; step++) {
		unsigned index = (hint + step) % region->slots;
		struct rt_slot *slot = region_slots(region) + index;
		__u32 free = RT_SLOT_FREE;

		if (__atomic_load_n(&slot->state, __ATOMIC_RELAXED) != RT_SLOT_FREE ||
			!__atomic_compare_exchange_n(&slot->state, &free, RT_SLOT_CLAIMED, false,
				__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		__atomic_store_n(&region->slot_hint, index + 1, __ATOMIC_RELAXED);
		return slot;
	}
	__atomic_store_n(&slot_retry, now + SLOT_RETRY_TICKS, __ATOMIC_RELAXED);
	return NULL;
}

static void slot_open(struct rt_slot *slot, struct rt_thread *thread)
{
	slot->generation++;
	slot->pid = rt_process->pid;
	slot->pid_space = process_pid_space;
	slot->tid = thread_id();
	slot->start = ticks_now();
	slot->first_chunk = 0;
	slot->depth = 0;
	slot->lost = 0;
	slot->lost_nested = 0;
	slot->cut_bytes = 0;
	memset(slot->counts, 0, sizeof(slot->counts));
	*thread = (struct rt_thread){.slot = slot, .sample_left = ALLOCATION_SAMPLE};
	chunk_switch(thread);
	__atomic_store_n(&slot->state, RT_SLOT_LIVE, __ATOMIC_RELEASE);
}

static struct rt_thread *slot_take(struct rt_region *region)
{
	struct rt_slot *slot = slot_claim(region);
	struct rt_thread *thread;
	unsigned index;

	if (!slot)
		return NULL;
	index = (unsigned)(slot - region_slots(region));
	thread = &rt_process->threads[index];
	slot_open(slot, thread);
	process_used(index + 1);
	return thread;
}

struct rt_thread *thread_claim(uintptr_t frame)
{
	struct rt_region *region = rt_region;
	struct rt_thread *thread;
	bool born;

	if (rt_self.thread->slot && !thread_is_left(rt_self.thread))
		return rt_self.thread;
	rt_self.thread = &nobody;
	if (region == &nowhere || rt_self.ended ||
		(rt_self.claiming && !frame_is_over(rt_self.claiming, frame)))
		return &nobody;
	rt_self.claiming = frame;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	born = process_is_forked();
	thread = process_follows() ? slot_take(region) : NULL;
	rt_self.thread = thread ? thread : &nobody;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	rt_self.claiming = 0;
	if (thread)
		thread_announce(born);
	return rt_self.thread;
}

void thread_release(void)
{
	struct rt_thread *thread = rt_self.thread;
	struct rt_slot *slot = thread->slot;

	if (!slot)
		return;
	rt_self.thread = &nobody;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	thread->limit = NULL;
	thread->slot = NULL;
	__atomic_store_n(&slot->state, RT_SLOT_EXITED, __ATOMIC_RELEASE);
}

unsigned open_prune(struct rt_slot *slot, unsigned depth, uintptr_t frame)
{
	if (depth > RT_OPEN_MAX) {
		if (!frame_is_over(slot->open[RT_OPEN_MAX - 1].frame, frame))
			return depth;
		depth = RT_OPEN_MAX;
	}
	while (depth && frame_is_over(slot->open[depth - 1].frame, frame))
		depth--;
	return depth;
}

/* In SAMPLED mode: is this call the one in `rate`? */
static bool turn_comes(struct rt_thread *thread, const struct rt_region *region)
{
	if (thread->turn) {
		thread->turn--;
		return false;
	}
	thread->turn = region->rate > 1 ? region->rate - 1 : 0;
	return true;
}

bool call_enter_cold(
	struct rt_call *call, unsigned kind, unsigned family, __u64 arg, uintptr_t frame)
{
	struct rt_region *region = rt_region;
	struct rt_slot *slot;

	if (region_off() || !(region->families & 1u << family))
		return false;
	call->thread = thread_claim(frame);
	slot = call->thread->slot;
	if (!slot) {
		__atomic_fetch_add(&rt_region->lost_no_slot, 1, __ATOMIC_RELAXED);
		return false;
	}
	if (__atomic_load_n(&region->mode, __ATOMIC_RELAXED) == RT_MODE_SAMPLED) {
		if (!turn_comes(call->thread, region))
			return false;
		call->thread->limit = NULL; /* so that leaving announces the rate */
	}
	call->kind = kind;
	call->depth = open_prune(slot, slot->depth, frame);
	call->start = ticks_now();
	open_push(slot, call->depth, call->start, arg, frame, kind);
	return true;
}

/* Durations of 2^32 ticks and more are stored in coarser units. */
static void duration_set(struct rt_record *record, __u64 duration)
{
	unsigned shift = 0;

	if ((__s64)duration < 0)
		duration = 0;
	while (duration >> shift >> 32)
		shift++;
	record->duration = (__u32)(duration >> shift);
	record->flags = (__u8)shift;
}

void call_leave_cold(
	const struct rt_call *call, __u64 end, __u64 arg, __s64 result, const struct rt_bytes *tail)
{
	uintptr_t frame = frame_here();
	struct rt_thread *thread = call->thread;
	struct rt_record record = {.start = call->start, .arg = arg, .result = result};
	unsigned depth = call->depth;

	if (rt_region->flags & RT_REGION_SLOW_CLOCK)
		end = ticks_now();
	if (unlikely(!thread->slot || thread_is_left(thread))) {
		/* Forked since it began: the open calls stayed with the parent. Or left, and
		 * entered again. */
		thread = thread_claim(frame);
		if (!thread->slot) {
			__atomic_fetch_add(&rt_region->lost_no_slot, 1, __ATOMIC_RELAXED);
			return;
		}
		depth = thread->slot->depth < depth ? thread->slot->depth : depth;
	}
	if (writer_begin(thread, frame)) {
		rate_follow(thread, call->start);
		duration_set(&record, end - call->start);
		record.kind = (__u16)call->kind;
		record.depth = (__u8)(depth < 255 ? depth : 255);
		record_write(thread, &record, tail);
		writer_end(thread);
	}
	thread->slot->depth = depth;
}

void mark_emit(unsigned kind, __u64 arg, __s64 result, const struct rt_bytes *tail)
{
	mark_emit_at(kind, arg, result, tail, 0);
}

/* False where something is in the way. */
static bool mark_straight(struct rt_record *mark, const struct rt_bytes *tail)
{
	struct rt_thread *thread = self_thread();
	unsigned size = tail ? tail->size : 0;
	unsigned count = 1 + (tail ? (unsigned)RT_TAIL_SLOTS(size) : 0);
	struct rt_record *record =
		thread->slot && size <= RT_TAIL_MAX ? room_begin(thread, count) : NULL;

	if (!record)
		return false;
	if (!mark->start)
		mark->start = tsc_read();
	mark->depth = (__u8)(thread->slot->depth < 255 ? thread->slot->depth : 255);
	record_fill(record, mark, tail, size);
	room_end(thread, record + count);
	return true;
}

void mark_emit_at(unsigned kind, __u64 arg, __s64 result, const struct rt_bytes *tail, __u64 ticks)
{
	uintptr_t frame = frame_here();
	struct rt_record mark = {.start = ticks, .kind = (__u16)kind, .arg = arg, .result = result};
	struct rt_thread *thread;

	if (likely(mark_straight(&mark, tail)))
		return;
	thread = thread_claim(frame);
	if (!thread->slot) {
		__atomic_fetch_add(&rt_region->lost_no_slot, 1, __ATOMIC_RELAXED);
		return;
	}
	mark.depth = (__u8)(thread->slot->depth < 255 ? thread->slot->depth : 255);
	if (!writer_begin(thread, frame))
		return;
	if (!ticks)
		mark.start = ticks_now();
	record_write(thread, &mark, tail);
	writer_end(thread);
}
