/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared region from the tracer's side, against writers that follow wire/ring.h: threads at
 * full speed, a region too small for them, and slots and chunks that were scribbled on.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "loader/capture/rings.h"

#define WRITERS 4
#define RECORDS 200000

static struct rt_record out[RT_CHUNK_RECORDS];

/* A writer as the shim is one, with the same steps in the same order. */
struct writer {
	struct region *region;
	struct rt_slot *slot;
	uint32_t index;
	struct rt_chunk *chunk;
	uint32_t at;
	uint64_t written;
};

static uint32_t claim_chunk(struct writer *writer)
{
	struct rt_region *head = writer->region->head;

	for (uint32_t word = 0; word * 64 < head->chunks; word++) {
		__u64 bits = __atomic_load_n(&head->free_chunks[word], __ATOMIC_RELAXED);

		while (bits) {
			uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(bits);
			struct rt_chunk *chunk = &writer->region->chunk[index];

			if (!__atomic_compare_exchange_n(&head->free_chunks[word], &bits,
				    bits & (bits - 1), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				continue;
			__atomic_store_n(&chunk->head, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&chunk->next, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&chunk->slot, writer->index, __ATOMIC_RELAXED);
			__atomic_store_n(
				&chunk->generation, writer->slot->generation, __ATOMIC_RELAXED);
			return index + 1;
		}
	}
	return 0;
}

static bool next_chunk(struct writer *writer)
{
	uint32_t number = claim_chunk(writer);

	if (!number)
		return false;
	__atomic_store_n(writer->chunk ? &writer->chunk->next : &writer->slot->first_chunk, number,
		__ATOMIC_RELEASE);
	writer->chunk = &writer->region->chunk[number - 1];
	writer->at = 0;
	return true;
}

static void open_writer(struct writer *writer, struct region *region, uint32_t index)
{
	*writer = (struct writer){.region = region, .slot = &region->slot[index], .index = index};
	writer->slot->generation++;
	writer->slot->first_chunk = 0;
	next_chunk(writer);
	__atomic_store_n(&writer->slot->state, RT_SLOT_LIVE, __ATOMIC_RELEASE);
}

static bool write_one(struct writer *writer, uint64_t number)
{
	if (!writer->chunk || writer->at == RT_CHUNK_RECORDS) {
		if (!next_chunk(writer)) {
			__atomic_fetch_add(&writer->slot->lost, 1, __ATOMIC_RELAXED);
			return false;
		}
	}
	writer->chunk->records[writer->at] = (struct rt_record){.start = number,
		.kind = RT_EV_read,
		.arg = number * 3,
		.result = (__s64)writer->index};
	__atomic_store_n(&writer->chunk->head, ++writer->at, __ATOMIC_RELEASE);
	writer->written++;
	return true;
}

static void *write_many(void *argument)
{
	struct writer *writer = argument;

	for (uint64_t i = 1; i <= RECORDS; i++) {
		write_one(writer, i);
		if (i % 5000 == 0)
			sched_yield();
	}
	__atomic_store_n(&writer->slot->state, RT_SLOT_EXITED, __ATOMIC_RELEASE);
	return NULL;
}

/* Checks what one read gave; the number of records. */
static uint64_t check_records(int count, uint32_t slot, uint64_t *last)
{
	for (int i = 0; i < count; i++) {
		if (out[i].start <= *last || out[i].arg != out[i].start * 3 ||
			out[i].result != (__s64)slot) {
			CHECK(!"a record that was not written so, or not in this order");
			return 0;
		}
		*last = out[i].start;
	}
	return (uint64_t)count;
}

static void run_writers(uint64_t limit, bool slow_reader, bool expect_loss)
{
	struct region region;
	struct writer writers[WRITERS];
	struct ring rings[WRITERS];
	pthread_t threads[WRITERS];
	uint64_t last[WRITERS] = {0}, got[WRITERS] = {0}, lost = 0;
	int alive = WRITERS;

	CHECK_EQ(region_make(&region, limit), 0);
	while (region_fill(&region, 64))
		;
	for (uint32_t i = 0; i < WRITERS; i++) {
		open_writer(&writers[i], &region, i);
		ring_open(&rings[i], i, writers[i].slot->generation);
		pthread_create(&threads[i], NULL, write_many, &writers[i]);
	}
	while (alive) {
		alive = 0;
		for (uint32_t i = 0; i < WRITERS; i++) {
			uint32_t state = __atomic_load_n(&writers[i].slot->state, __ATOMIC_ACQUIRE);
			int count;

			alive += state != RT_SLOT_EXITED;
			while ((count = ring_read(&rings[i], &region, out)) > 0)
				got[i] += check_records(count, i, &last[i]);
			CHECK_EQ(count, 0);
		}
		if (slow_reader)
			usleep(3000);
	}
	for (uint32_t i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		CHECK_EQ(got[i], writers[i].written);
		CHECK_EQ(got[i] + writers[i].slot->lost, RECORDS);
		lost += writers[i].slot->lost;
		ring_release(&rings[i], &region);
		CHECK_EQ(region.slot[i].state, RT_SLOT_FREE);
	}
	CHECK(expect_loss ? lost > 0 : lost == 0);
	CHECK_EQ(region_free_chunks(&region), region.chunks);
	region_free(&region);
}

TEST(all_records_arrive_in_order)
{
	run_writers(REGION_SIZE_MAX, false, false);
}

TEST(a_small_region_loses_and_counts_exactly)
{
	run_writers(2 << 20, true, true);
}

TEST(the_region_is_sealed_private_and_within_its_limit)
{
	struct region region;
	int seals;

	CHECK_EQ(region_make(&region, 8 << 20), 0);
	CHECK(region.size <= 8 << 20);
	seals = fcntl(region.fd, F_GET_SEALS);
	CHECK_EQ(seals & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	CHECK(ftruncate(region.fd, 4096) < 0);
	CHECK(fcntl(region.fd, F_GETFD) & FD_CLOEXEC);
	region_free(&region);
	CHECK_EQ(region_make(&region, 1000), 0);
	CHECK(region.size < 4 << 20);
	region_free(&region);
	CHECK_EQ(region_make(&region, UINT64_MAX), 0);
	CHECK(region.size <= REGION_SIZE_MAX);
	region_free(&region);
}

TEST(a_ring_waits_for_its_first_chunk)
{
	struct region region;
	struct writer hog, poor;
	struct ring ring;
	uint64_t last = 0;

	CHECK_EQ(region_make(&region, 1), 0);
	while (region_fill(&region, 64))
		;
	open_writer(&hog, &region, 0);
	while (write_one(&hog, hog.written + 1))
		;
	open_writer(&poor, &region, 1);
	ring_open(&ring, 1, poor.slot->generation);
	CHECK(!write_one(&poor, 1));
	CHECK_EQ(ring_read(&ring, &region, out), 0);
	ring_open(&ring, 0, hog.slot->generation);
	for (int i = 0; i < 4; i++)
		check_records(ring_read(&ring, &region, out), 0, &last);
	CHECK(write_one(&poor, 7));
	ring_open(&ring, 1, poor.slot->generation);
	CHECK_EQ(ring_read(&ring, &region, out), 1);
	region_free(&region);
}

static bool never_live(void *context, uint32_t slot, uint32_t generation)
{
	(void)context;
	(void)slot;
	(void)generation;
	return false;
}

TEST(a_claimed_chunk_of_a_dead_thread_comes_back)
{
	struct region region;
	struct writer writer;
	uint32_t before;

	CHECK_EQ(region_make(&region, 4 << 20), 0);
	before = region_free_chunks(&region);
	open_writer(&writer, &region, 0);
	claim_chunk(&writer); /* and dies before it links it */
	CHECK_EQ(region_free_chunks(&region), before - 2);
	for (int i = 0; i < 5; i++)
		region_sweep(&region, never_live, NULL);
	CHECK_EQ(region_free_chunks(&region), before);
	region_free(&region);
}

/* Every way in which a chunk can be wrong. */
enum damage { HEAD_LARGE, HEAD_BACK, NEXT_LARGE, NEXT_FREE, NEXT_SELF, NEXT_FOREIGN, DAMAGES };

static void damage_chunk(struct writer *writer, struct writer *other, enum damage damage)
{
	struct rt_chunk *chunk = writer->chunk;
	uint32_t own = (uint32_t)(chunk - writer->region->chunk) + 1;

	switch (damage) {
	case HEAD_LARGE:
		chunk->head = RT_CHUNK_RECORDS + 1;
		break;
	case HEAD_BACK:
		chunk->head = 3;
		break;
	case NEXT_LARGE:
		chunk->next = UINT32_MAX;
		break;
	case NEXT_FREE:
		chunk->next = writer->region->chunks;
		break;
	case NEXT_SELF:
		chunk->next = own;
		break;
	default:
		chunk->next = (uint32_t)(other->chunk - writer->region->chunk) + 1;
	}
}

TEST(damage_is_noticed_and_stays_in_its_ring)
{
	for (enum damage damage = 0; damage < DAMAGES; damage++) {
		struct region region;
		struct writer writer, other;
		struct ring ring, other_ring;
		uint64_t last = 0;
		uint32_t before;

		CHECK_EQ(region_make(&region, 8 << 20), 0);
		before = region_free_chunks(&region);
		open_writer(&writer, &region, 5);
		open_writer(&other, &region, 6);
		ring_open(&ring, 5, writer.slot->generation);
		ring_open(&other_ring, 6, other.slot->generation);
		for (uint64_t i = 1; i <= 10; i++) {
			write_one(&writer, i);
			write_one(&other, i);
		}
		CHECK_EQ(ring_read(&ring, &region, out), 10);
		damage_chunk(&writer, &other, damage);
		CHECK_EQ(ring_read(&ring, &region, out), -EBADMSG);
		CHECK_EQ(ring_read(&ring, &region, out), -EBADMSG);
		check_records(ring_read(&other_ring, &region, out), 6, &last);
		CHECK_EQ(last, 10);
		ring_release(&ring, &region);
		ring_release(&other_ring, &region);
		for (int i = 0; i < 5; i++)
			region_sweep(&region, never_live, NULL);
		CHECK_EQ(region_free_chunks(&region), before);
		region_free(&region);
	}
}

static uint64_t seed = 88172645463325252ull;

static uint64_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

TEST(any_scribbling_is_survived)
{
	struct region region;
	struct writer writers[WRITERS];
	struct ring rings[WRITERS];

	CHECK_EQ(region_make(&region, 8 << 20), 0);
	for (int round = 0; round < 300; round++) {
		for (uint32_t i = 0; i < WRITERS; i++) {
			open_writer(&writers[i], &region, i);
			ring_open(&rings[i], i, writers[i].slot->generation);
			for (uint64_t n = 1; n <= random_number() % 5000; n++)
				write_one(&writers[i], n);
		}
		for (int i = 0; i < 20; i++) {
			struct rt_chunk *chunk = &region.chunk[random_number() % 64];
			uint32_t *word = (uint32_t *)chunk + random_number() % 4;

			*word = random_number() % 2 ? (uint32_t)random_number() % 100
						    : (uint32_t)random_number();
		}
		for (uint32_t i = 0; i < WRITERS; i++) {
			int count, reads = 0;

			while ((count = ring_read(&rings[i], &region, out)) > 0)
				CHECK(count <= RT_CHUNK_RECORDS && ++reads < 10000);
			ring_release(&rings[i], &region);
		}
		for (int i = 0; i < 4; i++)
			region_sweep(&region, never_live, NULL);
		CHECK(region_free_chunks(&region) <= region.chunks);
	}
	region_free(&region);
}

UNIT_MAIN
