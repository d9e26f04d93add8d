/* SPDX-License-Identifier: Apache-2.0 */
/* The shim's records: what they say, how they nest, and that none goes uncounted. */
#include "shim_region.h"
#include "unit.h"

#include <netinet/in.h>
#include <sys/un.h>
#include <time.h>

static struct shim_region region;

/* Runs shim_target to its end in a fresh region; its status is checked to be 0. */
static void run(unsigned slots, unsigned chunks, const char *way, const char *argument)
{
	char *argv[] = {program_path("shim_target"), (char *)way, (char *)argument, NULL};

	CHECK_EQ(shim_region_make(&region, slots, chunks), 0);
	CHECK_EQ(shim_run(&region, argv), 0);
}

/* The only record of a kind with this result. */
static const struct rt_record *find(unsigned kind, int64_t result)
{
	struct shim_cursor cursor = {.region = &region};
	const struct rt_record *record, *found = NULL;

	while ((record = shim_next(&cursor))) {
		if (record->kind != kind || record->result != result)
			continue;
		CHECK(!found);
		found = record;
	}
	CHECK(found != NULL);
	if (!found)
		exit(1);
	return found;
}

static void check_tail(const struct rt_record *record, unsigned type, const char *text)
{
	const struct rt_tail *tail = shim_tail(record);

	CHECK(tail != NULL);
	if (!tail)
		return;
	CHECK_EQ(tail->type, type);
	CHECK_EQ(tail->size, strlen(text));
	CHECK(!memcmp(tail->bytes, text, strlen(text)));
}

TEST(records_say_what_happened)
{
	const struct sockaddr_un *address;
	const struct rt_record *record;

	run(4, 8, "records", NULL);
	CHECK_EQ(find(RT_EV_write, 7)->depth, 0);
	record = find(RT_EV_read, 16);
	CHECK_EQ(record->flags, 0);
	CHECK_EQ(find(RT_EV_pread, 33)->arg, record->arg);
	CHECK_EQ(find(RT_EV_read, -EBADF)->arg, 0xffffffffu);
	record = find(RT_EV_open, -ENOENT);
	check_tail(record, RT_TAIL_PATH, "/nowhere/at.all");
	CHECK_EQ(find(RT_EV_open, -EFAULT)->flags, 0);
	record = find(RT_EV_connect, -ENOENT);
	CHECK(shim_tail(record) != NULL);
	address = (const struct sockaddr_un *)shim_tail(record)->bytes;
	CHECK_EQ(shim_tail(record)->type, RT_TAIL_ADDRESS);
	CHECK_EQ(address->sun_family, AF_UNIX);
	CHECK_STR(address->sun_path, "/nowhere/at.all");
	CHECK_EQ(find(RT_EV_connect, -EFAULT)->flags, 0);
	check_tail(find(RT_EV_getaddrinfo, 0), RT_TAIL_HOST, "127.0.0.1");
	record = find(RT_EV_process_start, RT_BIRTH_LAUNCH);
	check_tail(record, RT_TAIL_PATH, program_path("shim_target"));
	CHECK_EQ(record->arg, getpid());
	CHECK_EQ(find(RT_EV_process_exit, 0)->depth, 0);
	CHECK_EQ(shim_slot(&region, 0)->counts[RT_EV_malloc - RT_COUNTED_FIRST].calls > 0, 1);
	CHECK_EQ(shim_lost(&region), 0);
}

TEST(calls_inside_calls_are_deeper)
{
	const struct rt_record *outer = NULL, *inner;

	run(4, 8, "nest", NULL);
	inner = find(RT_EV_write, 11);
	CHECK_EQ(inner->depth, 1);
	CHECK_EQ(shim_count(&region, RT_EV_fork, &outer), 1);
	CHECK(outer && outer->depth == 0);
	if (!outer)
		return;
	CHECK(inner->start >= outer->start);
	CHECK(inner->start + inner->duration <= outer->start + outer->duration);
	CHECK_EQ(find(RT_EV_write, 12)->depth, 0);
	CHECK_EQ(shim_slot(&region, 0)->depth, 0);
}

/* 3: process_start, the opening of the sink, process_exit */
TEST(a_full_ring_counts_what_it_drops)
{
	struct shim_cursor cursor = {.region = &region};
	unsigned records = 0;

	run(4, 4, "writes", "20000");
	while (shim_next(&cursor))
		records++;
	CHECK(records > 4 * RT_CHUNK_RECORDS - 64 && records <= 4 * RT_CHUNK_RECORDS);
	CHECK_EQ(records + shim_lost(&region), 20000 + 3);
	CHECK_EQ(region.map->free_chunks[0], 0);
}

TEST(chunks_follow_each_other)
{
	run(4, 64, "writes", "50000");
	CHECK_EQ(shim_count(&region, RT_EV_write, NULL), 50000);
	CHECK_EQ(shim_lost(&region), 0);
}

static int rounds_in[2], rounds_out[2];

/* Starts a program that writes `count` times whenever it is told to. */
static pid_t rounds_start(const char *count, enum rt_mode mode, unsigned rate, uint64_t chunks)
{
	char *argv[] = {program_path("shim_target"), "rounds", (char *)count, NULL};
	int in = dup(0), out = dup(1);
	pid_t child;

	CHECK_EQ(shim_region_make(&region, 4, 64), 0);
	region.map->mode = mode;
	region.map->rate = rate;
	region.map->free_chunks[0] = chunks;
	fflush(NULL);
	if (pipe2(rounds_in, O_CLOEXEC) || pipe2(rounds_out, O_CLOEXEC))
		exit(1);
	dup2(rounds_in[0], 0);
	dup2(rounds_out[1], 1);
	child = shim_start(&region, NULL, argv, NULL);
	dup2(in, 0);
	dup2(out, 1);
	close(rounds_in[0]);
	close(rounds_out[1]);
	return child;
}

static void rounds_go(void)
{
	char go = 1;

	CHECK_EQ(write(rounds_in[1], &go, 1), 1);
	CHECK_EQ(read(rounds_out[0], &go, 1), 1);
}

/* Writes to the sink only, not the program's answers. */
static unsigned sink_writes(void)
{
	struct shim_cursor cursor = {.region = &region};
	const struct rt_record *record;
	unsigned count = 0;

	while ((record = shim_next(&cursor)))
		count += record->kind == RT_EV_write && record->arg != 1;
	return count;
}

/* Without any chunk at start the first that becomes free is taken. */
/* Until the child waits for the next round: its answer comes before the answer's own record. */
static void rounds_wait_idle(void)
{
	const struct rt_slot *slot = shim_slot(&region, 0);

	for (int tries = 0; tries < 5000; tries++) {
		if (__atomic_load_n(&slot->depth, __ATOMIC_ACQUIRE) == 1 &&
			slot->open[0].kind == RT_EV_read)
			return;
		usleep(1000);
	}
	CHECK(!"the child does not wait for the next round");
}

TEST(a_ring_may_get_its_memory_late)
{
	pid_t child = rounds_start("100", RT_MODE_ON, 0, 0);
	uint64_t lost;

	rounds_go();
	rounds_wait_idle();
	lost = shim_lost(&region);
	CHECK_EQ(shim_slot(&region, 0)->first_chunk, 0);
	CHECK(lost > 100);
	region.map->free_chunks[0] = 1;
	usleep(20000); /* a thread does not look again at once */
	rounds_go();
	CHECK_EQ(shim_slot(&region, 0)->first_chunk, 1);
	CHECK_EQ(shim_lost(&region), lost);
	CHECK_EQ(sink_writes(), 100);
	close(rounds_in[1]);
	CHECK_EQ(shim_wait(child), 0);
}

TEST(off_records_nothing_and_on_goes_on)
{
	pid_t child = rounds_start("100", RT_MODE_OFF, 0, ~0ull);

	rounds_go();
	CHECK_EQ(sink_writes(), 0);
	region.map->mode = RT_MODE_ON;
	rounds_go();
	CHECK_EQ(sink_writes(), 100);
	region.map->mode = RT_MODE_OFF;
	rounds_go();
	CHECK_EQ(sink_writes(), 100);
	close(rounds_in[1]);
	CHECK_EQ(shim_wait(child), 0);
}

TEST(a_family_can_be_switched_off)
{
	pid_t child = rounds_start("100", RT_MODE_ON, 0, ~0ull);

	rounds_go();
	region.map->families &= ~(1u << RT_FAMILY_file);
	rounds_go();
	CHECK_EQ(sink_writes(), 100);
	close(rounds_in[1]);
	CHECK_EQ(shim_wait(child), 0);
	CHECK_EQ(shim_count(&region, RT_EV_process_exit, NULL), 1);
}

TEST(sampling_announces_its_rate_and_its_end)
{
	const struct rt_record *rate = NULL;
	pid_t child = rounds_start("1000", RT_MODE_SAMPLED, 10, ~0ull);

	rounds_go();
	CHECK(sink_writes() >= 99 && sink_writes() <= 101);
	CHECK_EQ(shim_count(&region, RT_EV_rate, &rate), 1);
	CHECK(rate && rate->arg == 10);
	region.map->mode = RT_MODE_ON;
	rounds_go();
	CHECK_EQ(shim_count(&region, RT_EV_rate, &rate), 2);
	CHECK(rate && rate->arg == 1);
	CHECK(sink_writes() >= 1099 && sink_writes() <= 1101);
	close(rounds_in[1]);
	CHECK_EQ(shim_wait(child), 0);
}

TEST(the_slow_clock_is_monotonic_nanoseconds)
{
	struct shim_cursor cursor = {.region = &region};
	const struct rt_record *record;
	struct timespec before, after;
	pid_t child;

	clock_gettime(CLOCK_MONOTONIC, &before);
	child = rounds_start("10", RT_MODE_SLOW_CLOCK, 0, ~0ull);
	region.map->flags |= RT_REGION_SLOW_CLOCK;
	rounds_go();
	rounds_go();
	close(rounds_in[1]);
	CHECK_EQ(shim_wait(child), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK_EQ(sink_writes(), 20);
	while ((record = shim_next(&cursor))) {
		if (record->kind != RT_EV_write)
			continue;
		CHECK(record->start / 1000000000 >= (uint64_t)before.tv_sec);
		CHECK(record->start / 1000000000 <= (uint64_t)after.tv_sec);
	}
}

TEST(locks_are_recorded_where_somebody_waits)
{
	const struct rt_record *wait = NULL;

	run(8, 16, "locks", NULL);
	CHECK_EQ(find(RT_EV_mutex_lock, -EDEADLK)->depth, 0);
	CHECK_EQ(shim_count(&region, RT_EV_mutex_lock, &wait), 2);
	CHECK_EQ(shim_count(&region, RT_EV_thread_join, NULL), 2);
}

/* Runs a way of shim_target that says how often it wrote. */
static long run_telling(char *way, char *argument)
{
	char *argv[] = {program_path("shim_target"), way, argument, NULL};
	int ends[2], out = dup(1);
	char line[64] = "";
	pid_t child;

	CHECK_EQ(shim_region_make(&region, 4, 512), 0);
	fflush(NULL);
	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], 1);
	child = shim_start(&region, NULL, argv, NULL);
	dup2(out, 1);
	close(ends[1]);
	CHECK(read(ends[0], line, sizeof(line) - 1) > 0);
	CHECK_EQ(shim_wait(child), 0);
	return atol(line);
}

/* Each call of the program, from its handlers too, is read or counted as lost. */
TEST(a_storm_of_signals_loses_nothing_silently)
{
	long told = run_telling("storm", "300000");

	CHECK(told > 300000);
	CHECK_EQ(sink_writes() + shim_lost(&region), told);
	CHECK_EQ(shim_slot(&region, 0)->depth, 0);
}

TEST(handlers_on_a_stack_of_their_own_nest)
{
	long told = run_telling("alternate", NULL);

	CHECK(told > 200000);
	CHECK_EQ(sink_writes() + shim_lost(&region), told);
	CHECK_EQ(find(RT_EV_write, 21)->depth, 1);
	CHECK_EQ(find(RT_EV_nanosleep, -EINTR)->depth, 0);
}

TEST(jumps_close_the_calls_they_leave)
{
	run(4, 512, "jumps", "300");
	CHECK_EQ(find(RT_EV_write, 17)->depth, 0);
	CHECK_EQ(find(RT_EV_write, 18)->depth, 0);
	CHECK_EQ(shim_slot(&region, 0)->depth, 0);
	run(4, 8, "jump-out", NULL);
	CHECK_EQ(find(RT_EV_write, 19)->depth, 0);
	CHECK_EQ(shim_count(&region, RT_EV_read, NULL), 0);
	CHECK_EQ(shim_slot(&region, 0)->depth, 0);
}

TEST(a_hostile_or_foreign_region_is_left_alone)
{
	char *argv[] = {program_path("shim_target"), "writes", "10", NULL};

	CHECK_EQ(shim_region_make(&region, 4, 8), 0);
	region.map->version++;
	CHECK_EQ(shim_run(&region, argv), 0);
	region.map->version--;
	region.map->chunks_offset += 1 << 30;
	CHECK_EQ(shim_run(&region, argv), 0);
	region.map->chunks_offset -= 1 << 30;
	region.map->cookie++;
	CHECK_EQ(shim_run(&region, argv), 0);
	region.map->cookie--;
	CHECK_EQ(shim_slot(&region, 0)->state, RT_SLOT_FREE);
	CHECK_EQ(shim_run(&region, argv), 0);
	CHECK_EQ(sink_writes(), 10);
}

UNIT_MAIN
