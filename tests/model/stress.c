/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stress SECONDS: the real producer (preload/emit.c) against the real reader
 * (loader/capture/rings.c) in one process, short of chunks, with pauses (delay.h) before accesses
 * to shared memory. Threads come and go, calls nest, some carry tails, signal handlers interrupt
 * (not under ThreadSanitizer, which holds signals back).
 *
 * Every record must come whole and in order, every missing one must be counted.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "loader/capture/rings.h"
#include "preload/emit.h"
#include "preload/endpoint.h"
#include "preload/process.h"
#include "preload/python/python.h"

#define WORKERS 3
#define REGION_LIMIT (2u << 20)
#define LIFE 20000 /* calls of one thread at most */
#define TAIL_MAX 300

__thread uint32_t delay_dice = 1;

/* Of preload/originals.c, which finds the others behind hooks that are not here. */
HIDDEN __typeof__(pthread_key_create) *real_pthread_key_create = pthread_key_create;
HIDDEN __typeof__(pthread_setspecific) *real_pthread_setspecific = pthread_setspecific;

/* Neighbours that are told of ends and forks, or asked where they are: there is no interpreter and
 * no socket here. */
HIDDEN void endpoint_forbid(void)
{
}

HIDDEN void python_forked(void)
{
}

HIDDEN void python_thread_ends(void)
{
}

HIDDEN void python_ends(void)
{
}

HIDDEN __u64 python_innermost(void)
{
	return 0;
}

static bool stop;
/* sent: by workers. The rest: as seen by the reader. */
static uint64_t sent, received, lost, nested, tails, threads;

/* Numbers of a thread's calls, and of those of its signal handler. */
static __thread uint64_t number, handler_number;

static struct region region;
static struct reader {
	struct ring ring;
	bool open;
	uint64_t number, handler_number;
} readers[RT_SLOTS_MAX];
static struct rt_record records[RT_CHUNK_RECORDS];

static void fail(const char *what, unsigned slot, uint64_t value, uint64_t expected)
{
	fprintf(stderr, "stress: slot %u: %s: %llu, expected %llu\n", slot, what,
		(unsigned long long)value, (unsigned long long)expected);
	exit(1);
}

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

/* Handlers strike threads that report: not the others, and none that has given its slot back. */
static void set_alarms(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(how, &set, NULL);
}

static __s64 mix(uint64_t value)
{
	return (__s64)(value * 0x9e3779b97f4a7c15ull >> 1);
}

static uint32_t roll(void)
{
	return delay_dice = delay_dice * 1664525u + 1013904223u;
}

static void report(unsigned kind, uint64_t *counter, bool tail)
{
	uint8_t text[TAIL_MAX];
	struct rt_bytes bytes = {.data = text, .type = RT_TAIL_PATH};
	struct rt_call call;
	uint64_t mine;

	if (!call_enter(&call, kind, RT_FAMILY_file, 0)) {
		/* No slot: counted in the region. */
		__atomic_fetch_add(&sent, 1, __ATOMIC_RELAXED);
		return;
	}
	if (kind == RT_EV_read && roll() >> 29 == 0)
		report(kind, counter, false);
	mine = ++*counter;
	__atomic_fetch_add(&sent, 1, __ATOMIC_RELAXED);
	if (!tail) {
		call_leave(&call, mine, mix(mine));
		return;
	}
	bytes.size = 1 + mine % TAIL_MAX;
	memset(text, (int)mine, bytes.size);
	call_leave_tail(&call, mine, mix(mine), &bytes);
}

static void on_alarm(int signal)
{
	(void)signal;
	report(RT_EV_write, &handler_number, false);
}

static void *live(void *seed)
{
	delay_dice = (uint32_t)(uintptr_t)seed;
	set_alarms(SIG_UNBLOCK);
	for (uint32_t left = roll() % LIFE; left && !stopped(); left--)
		report(RT_EV_read, &number, roll() >> 28 == 0);
	set_alarms(SIG_BLOCK);
	thread_release();
	return NULL;
}

static void *work(void *seed)
{
	delay_dice = (uint32_t)(uintptr_t)seed;
	while (!stopped()) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, live, (void *)(uintptr_t)roll()))
			fail("pthread_create", 0, (uint64_t)errno, 0);
		pthread_join(thread, NULL);
	}
	return NULL;
}

static unsigned check_tail(unsigned slot, const struct rt_record *record)
{
	const struct rt_tail *tail = (const struct rt_tail *)(record + 1);

	if (tail->size != 1 + record->arg % TAIL_MAX)
		fail("size of a tail", slot, tail->size, 1 + record->arg % TAIL_MAX);
	for (unsigned i = 0; i < tail->size; i++) {
		if (tail->bytes[i] != (uint8_t)record->arg)
			fail("byte of a tail", slot, tail->bytes[i], (uint8_t)record->arg);
	}
	tails++;
	return 1 + RT_TAIL_SLOTS(tail->size);
}

/* The number of record slots that it takes. */
static unsigned check_record(struct reader *reader, const struct rt_record *record, unsigned left)
{
	uint64_t *last = record->kind == RT_EV_read ? &reader->number : &reader->handler_number;
	unsigned slot = reader->ring.slot;

	if (record->kind == RT_EV_pad)
		return left;
	if (record->kind == RT_EV_thread_start) {
		received++;
		return 1;
	}
	if (record->kind != RT_EV_read && record->kind != RT_EV_write)
		fail("kind", slot, record->kind, RT_EV_read);
	if (record->arg <= *last)
		fail("number not above the last", slot, record->arg, *last + 1);
	if (record->result != mix(record->arg))
		fail("result", slot, (uint64_t)record->result, (uint64_t)mix(record->arg));
	*last = record->arg;
	received++;
	return record->flags & RT_FLAG_TAIL ? check_tail(slot, record) : 1;
}

static void retire(struct reader *reader, const struct rt_slot *slot)
{
	lost += slot->lost;
	nested += slot->lost_nested;
	threads++;
	ring_release(&reader->ring, &region);
	reader->open = false;
}

static void pass(void)
{
	for (unsigned i = 0; i < region.slots; i++) {
		const struct rt_slot *slot = &region.slot[i];
		struct reader *reader = &readers[i];
		/* Before the reading: what an exited thread wrote is then all there. */
		uint32_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
		int count;

		if (state < RT_SLOT_LIVE)
			continue;
		if (!reader->open) {
			*reader = (struct reader){.open = true};
			ring_open(&reader->ring, i, slot->generation);
		}
		while ((count = ring_read(&reader->ring, &region, records)) > 0) {
			for (int at = 0; at < count;)
				at += (int)check_record(
					reader, &records[at], (unsigned)(count - at));
		}
		if (count < 0)
			fail("ring_read", i, (uint64_t)-count, 0);
		if (state == RT_SLOT_EXITED)
			retire(reader, slot);
	}
}

static void start_alarms(void)
{
#ifndef __SANITIZE_THREAD__
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 97}, {0, 97}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
#else
	(void)on_alarm;
#endif
}

int main(int argc, char **argv)
{
	pthread_t workers[WORKERS];
	uint64_t no_slot;
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 2);

	if (region_make(&region, REGION_LIMIT) || process_open(region.slots))
		fail("region_make", 0, 1, 0);
	while (region_fill(&region, region.chunks))
		;
	region.head->families = ~0u;
	region.head->mode = RT_MODE_ON;
	rt_region = region.head;
	set_alarms(SIG_BLOCK);
	start_alarms();
	for (uintptr_t i = 0; i < WORKERS; i++)
		pthread_create(&workers[i], NULL, work, (void *)(i + 1));
	while (time(NULL) < end)
		pass();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
	pass();
	no_slot = region.head->lost_no_slot;
	printf("sent=%llu received=%llu lost=%llu nested=%llu no_slot=%llu tails=%llu threads=%llu\n",
		(unsigned long long)sent, (unsigned long long)received, (unsigned long long)lost,
		(unsigned long long)nested, (unsigned long long)no_slot, (unsigned long long)tails,
		(unsigned long long)threads);
	/* Each thread reports its start besides. */
	if (sent + threads != received + lost + nested + no_slot)
		fail("sent", 0, sent + threads, received + lost + nested + no_slot);
	if (region_free_chunks(&region) != region.chunks)
		fail("chunks free in the end", 0, region_free_chunks(&region), region.chunks);
	return !received;
}
