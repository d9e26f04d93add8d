/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared ring of wire/ring.h, small enough to be checked whole: PRODUCERS threads that claim
 * chunks from one bitmap, fill them record by record and link the next; the first has a signal handler
 * that may strike once between any two steps and report a call of its own; and the tracer that
 * reads up to head, follows next and gives chunks back.
 *
 * Steps are those of preload/emit.h and emit.c (emit.pml) and of loader/capture/rings.c (drain);
 * one statement is one access to shared memory. Checked for every interleaving:
 *
 *   - each record arrives once, whole, in order
 *   - a chunk has one owner
 *   - sent = received + lost (no chunk free) + nested (the handler struck a half-written record)
 *   - in the end every chunk is free again
 *
 * -DDEFECT=n plants a known mistake, which the checker must find:
 *   1 head before the bytes             2 next before the last head
 *   3 the reader takes head before next 4 two steps to take a chunk's bit
 *   5 no busy mark against signals      6 a chunk handed out before it is cleared
 *
 * Not here: weak memory order (the stress test under ThreadSanitizer) and hostile writers.
 */
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef SENDS
#define SENDS 3 /* calls of a producer, its handler's not counted */
#endif
#ifndef DEFECT
#define DEFECT 0
#endif
#define CHUNKS 3
#define RECORDS 2 /* of a chunk */
#define NONE 255

bool free[CHUNKS] = true;
byte head[CHUNKS], next[CHUNKS] = NONE, owner[CHUNKS] = NONE;
byte low[CHUNKS * RECORDS], high[CHUNKS * RECORDS]; /* the first and the last word of a record */

byte first[PRODUCERS] = NONE, lost[PRODUCERS], nested[PRODUCERS], sent[PRODUCERS];
bool done[PRODUCERS];

byte received[PRODUCERS];

#define EARLY_HEAD skip
#define LATE_HEAD skip
#define RIGHT_HEAD head[chunk] = at
#if DEFECT == 1
#undef EARLY_HEAD
#undef RIGHT_HEAD
#define EARLY_HEAD head[chunk] = at + 1
#define RIGHT_HEAD skip
#elif DEFECT == 2
#undef LATE_HEAD
#undef RIGHT_HEAD
#define LATE_HEAD head[chunk] = RECORDS
#define RIGHT_HEAD if :: at < RECORDS -> head[chunk] = at :: else fi
#endif

inline find_free(chunk)
{
	if
	:: free[0] -> chunk = 0
	:: !free[0] && free[1] -> chunk = 1
	:: !free[0] && !free[1] && free[2] -> chunk = 2
	:: else -> chunk = NONE
	fi
}

inline take(chunk)
{
	if
	:: chunk != NONE ->
		free[chunk] = false;
		assert(owner[chunk] == NONE);
		owner[chunk] = me
	:: else
	fi
}

/* A free chunk into `chunk`, or NONE: compare-and-swap on the bitmap. */
inline claim(chunk)
{
#if DEFECT == 4
	find_free(chunk);
	atomic { take(chunk) }
#else
	atomic {
		find_free(chunk);
		take(chunk)
	}
#endif
}

#define EMIT emit_in_handler
#define STRIKE skip
#include "emit.pml"
#undef EMIT
#undef STRIKE

inline strike()
{
	if
	:: signals > 0 ->
		signals--;
		emit_in_handler(handler_fresh, handler_was_busy)
	:: true
	fi
}

#define EMIT emit
#define STRIKE strike()
#include "emit.pml"

proctype producer(byte me)
{
	byte chunk = NONE, at, fresh, handler_fresh, number = 1, i, signals = (me == 0 -> 1 : 0);
	bool busy, was_busy, handler_was_busy;

	for (i : 1 .. SENDS) {
		emit(fresh, was_busy)
	}
	done[me] = true
}

inline clear(chunk)
{
	head[chunk] = 0;
	next[chunk] = NONE
}

inline hand_out(chunk)
{
	assert(!free[chunk]);
#if DEFECT == 6
	atomic { owner[chunk] = NONE; free[chunk] = true };
	clear(chunk)
#else
	clear(chunk);
	atomic { owner[chunk] = NONE; free[chunk] = true }
#endif
}

inline read_link_and_end(c)
{
#if DEFECT == 3
	end = head[c];
	link = next[c]
#else
	link = next[c]; /* before head: once a chunk has a next one, its head is final */
	end = head[c]
#endif
}

/* One pass over the ring of p: until there is nothing new. */
inline drain(p)
{
	more = true;
	do
	:: more && chunk[p] == NONE ->
		link = first[p];
		if
		:: link == NONE -> more = false
		:: else ->
			assert(owner[link] == p);
			atomic { chunk[p] = link; at[p] = 0 }
		fi
	:: more && chunk[p] != NONE ->
		read_link_and_end(chunk[p]);
		assert(end <= RECORDS && end >= at[p]);
		if
		:: at[p] < end ->
			d_step {
				do
				:: at[p] < end ->
					received[p]++;
					assert(low[chunk[p] * RECORDS + at[p]] == received[p]);
					assert(high[chunk[p] * RECORDS + at[p]] == received[p]);
					at[p]++
				:: else -> break
				od
			}
		:: at[p] == end && link != NONE ->
			assert(owner[link] == p);
			hand_out(chunk[p]);
			atomic { chunk[p] = link; at[p] = 0 }
		:: else -> more = false
		fi
	:: !more -> break
	od
}

active proctype tracer()
{
	byte at[PRODUCERS], chunk[PRODUCERS] = NONE, link, end, p, over;
	bool more;

	atomic {
		for (p : 0 .. PRODUCERS - 1) {
			run producer(p)
		}
	}
	do
	:: over < PRODUCERS ->
		over = 0;
		for (p : 0 .. PRODUCERS - 1) {
			/* read before the pass: what came before it is then seen by the pass */
			over = over + done[p];
			drain(p)
		}
	:: else -> break
	od;
	for (p : 0 .. PRODUCERS - 1) {
		assert(sent[p] == received[p] + lost[p] + nested[p]);
		if
		:: chunk[p] != NONE -> hand_out(chunk[p])
		:: else
		fi
	}
	for (p : 0 .. CHUNKS - 1) {
		assert(free[p])
	}
}
