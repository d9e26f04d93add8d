/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/kernel/feed.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "loader/capture/ticks.h"

/* From reading the clock to publishing the edge a program takes microseconds, unless it is
 * interrupted. */
#define PUBLISH_TAKES 2000000
#define NOTES_BYTES (64u << 20)

struct ref {
	uint64_t ns;
	size_t offset; /* in bytes */
	uint32_t order;
};

struct cursor {
	struct rk_ring *ring;
	uint64_t at, end;
};

struct feed {
	struct programs *programs;
	struct buf bytes; /* of notes, each aligned */
	struct ref *refs;
	size_t ref_count, ref_capacity;
	struct cursor *cursors;
	unsigned rings;
	uint64_t horizon;
	uint64_t refused; /* notes that our own memory had no room for */
};

struct feed *feed_new(struct programs *programs)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return NULL;
	feed->programs = programs;
	feed->rings = programs_rings(programs);
	feed->cursors = calloc(feed->rings, sizeof(*feed->cursors));
	if (!feed->cursors) {
		free(feed);
		return NULL;
	}
	for (unsigned i = 0; i < feed->rings; i++)
		feed->cursors[i].ring = programs_ring(programs, i);
	return feed;
}

void feed_free(struct feed *feed)
{
	if (!feed)
		return;
	if (feed->bytes.data)
		explicit_bzero(feed->bytes.data, feed->bytes.capacity);
	buf_free(&feed->bytes);
	free(feed->refs);
	free(feed->cursors);
	free(feed);
}

static void keep_note(void *context, const struct rk_note *note)
{
	struct feed *feed = context;
	size_t size = sizeof(*note) + note->size, room = (size + 7) / 8 * 8;
	uint8_t *place;

	if (feed->ref_count == feed->ref_capacity) {
		size_t capacity = feed->ref_capacity ? feed->ref_capacity * 2 : 1024;
		struct ref *refs = realloc(feed->refs, capacity * sizeof(*refs));

		if (!refs) {
			feed->refused++;
			return;
		}
		feed->refs = refs;
		feed->ref_capacity = capacity;
	}
	place = feed->bytes.size + room < NOTES_BYTES ? buf_reserve(&feed->bytes, room) : NULL;
	if (!place) {
		feed->bytes.failed = false;
		feed->refused++;
		return;
	}
	memcpy(place, note, size);
	feed->refs[feed->ref_count] =
		(struct ref){note->ns, feed->bytes.size, (uint32_t)feed->ref_count};
	feed->bytes.size += room;
	feed->ref_count++;
}

static int by_time(const void *left, const void *right)
{
	const struct ref *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static const struct rk_edge *edge_at(const struct cursor *cursor)
{
	return &cursor->ring->edges[cursor->at & (RK_EDGES - 1)];
}

static void read_heads(struct feed *feed)
{
	for (unsigned i = 0; i < feed->rings; i++) {
		struct cursor *cursor = &feed->cursors[i];

		cursor->end = __atomic_load_n(&cursor->ring->head, __ATOMIC_ACQUIRE);
		if (cursor->end - cursor->at > RK_EDGES)
			cursor->at = cursor->end;
	}
}

/* The oldest edge that is within the horizon. */
static struct cursor *oldest(struct feed *feed)
{
	struct cursor *best = NULL;
	uint64_t ns = feed->horizon;

	for (unsigned i = 0; i < feed->rings; i++) {
		struct cursor *cursor = &feed->cursors[i];

		if (cursor->at != cursor->end && edge_at(cursor)->ns <= ns) {
			/* of equals the first: times of one processor do not go back */
			if (best && edge_at(cursor)->ns == ns)
				continue;
			best = cursor;
			ns = edge_at(cursor)->ns;
		}
	}
	return best;
}

/* Notes that have been given go; the rest moves to the front. */
static void compact(struct feed *feed, size_t given)
{
	struct buf rest = {0};

	if (given == feed->ref_count) {
		feed->bytes.size = 0;
		feed->ref_count = 0;
		return;
	}
	for (size_t i = given; i < feed->ref_count; i++) {
		struct ref *ref = &feed->refs[i];
		const struct rk_note *note = (const void *)(feed->bytes.data + ref->offset);
		size_t size = (sizeof(*note) + note->size + 7) / 8 * 8;

		ref->offset = rest.size;
		ref->order = (uint32_t)(i - given);
		buf_append(&rest, note, size);
	}
	if (rest.failed) {
		buf_free(&rest);
		feed->refused += feed->ref_count - given;
		given = feed->ref_count;
	}
	memmove(feed->refs, feed->refs + given, (feed->ref_count - given) * sizeof(*feed->refs));
	feed->ref_count -= given;
	explicit_bzero(feed->bytes.data, feed->bytes.size);
	feed->bytes.size = 0;
	buf_append(&feed->bytes, rest.data, rest.size);
	if (rest.data)
		explicit_bzero(rest.data, rest.size);
	buf_free(&rest);
}

uint64_t feed_pass(struct feed *feed, const struct feed_taker *taker, int last)
{
	uint64_t count = 0, now = monotonic_ns();
	struct cursor *cursor;
	size_t given = 0;

	feed->horizon = last ? UINT64_MAX : now - PUBLISH_TAKES;
	/* heads first: the notes of an edge that can be seen have been sent */
	read_heads(feed);
	programs_notes(feed->programs, keep_note, feed);
	if (feed->ref_count)
		qsort(feed->refs, feed->ref_count, sizeof(*feed->refs), by_time);
	do {
		uint64_t until;

		cursor = oldest(feed);
		until = cursor ? edge_at(cursor)->ns : feed->horizon;
		for (; given < feed->ref_count && feed->refs[given].ns <= until; given++, count++)
			taker->note(taker->context,
				(const void *)(feed->bytes.data + feed->refs[given].offset));
		if (cursor) {
			taker->edge(taker->context, edge_at(cursor));
			cursor->at++;
			count++;
		}
	} while (cursor);
	for (unsigned i = 0; i < feed->rings; i++)
		__atomic_store_n(
			&feed->cursors[i].ring->tail, feed->cursors[i].at, __ATOMIC_RELEASE);
	compact(feed, given);
	return count;
}

uint64_t feed_horizon(const struct feed *feed)
{
	return feed->horizon;
}

uint64_t feed_lost(const struct feed *feed)
{
	uint64_t lost = feed->refused;

	for (unsigned i = 0; i < feed->rings; i++)
		lost += __atomic_load_n(&feed->cursors[i].ring->lost, __ATOMIC_RELAXED);
	return lost;
}
