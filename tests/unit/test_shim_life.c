/* SPDX-License-Identifier: Apache-2.0 */
/* The shim through the lives of processes and threads: births, starts of programs, ends. */
#include "shim_region.h"
#include "unit.h"

#include <sys/resource.h>
#include <sys/stat.h>

static struct shim_region region;

static int target(const char *way, const char *argument)
{
	char *argv[] = {program_path("shim_target"), (char *)way, (char *)argument, NULL};

	return shim_run(&region, argv);
}

/* Slot of the only write of `size` bytes. */
static const struct rt_slot *writer_of(int64_t size)
{
	struct shim_cursor cursor = {.region = &region};
	const struct rt_record *record;
	const struct rt_slot *slot = NULL;

	while ((record = shim_next(&cursor))) {
		if (record->kind != RT_EV_write || record->result != size)
			continue;
		CHECK(!slot);
		slot = shim_slot(&region, cursor.slot);
	}
	CHECK(slot != NULL);
	if (!slot)
		exit(1);
	return slot;
}

static unsigned births(int64_t way)
{
	struct shim_cursor cursor = {.region = &region};
	const struct rt_record *record;
	unsigned count = 0;

	while ((record = shim_next(&cursor)))
		count += record->kind == RT_EV_process_start && record->result == way;
	return count;
}

TEST(forked_children_have_slots_of_their_own)
{
	const struct rt_slot *parent;

	CHECK_EQ(shim_region_make(&region, 16, 32), 0);
	CHECK_EQ(target("forks", NULL), 0);
	parent = writer_of(106);
	for (int64_t size = 101; size <= 104; size++) {
		const struct rt_slot *child = writer_of(size);

		CHECK(child->pid != parent->pid);
		CHECK_EQ(child->tid, child->pid);
		CHECK_EQ(child->state, RT_SLOT_EXITED);
	}
	/* A vfork child is in its parent's memory, and its slot. */
	CHECK(writer_of(105) == parent);
	CHECK_EQ(births(RT_BIRTH_FORK), 4);
	CHECK_EQ(shim_count(&region, RT_EV_process_exit, NULL), 5);
	CHECK_EQ(shim_count(&region, RT_EV_vfork, NULL), 1);
}

TEST(children_are_left_alone_where_nobody_follows)
{
	CHECK_EQ(shim_region_make(&region, 16, 32), 0);
	region.map->flags |= RT_REGION_NO_FOLLOW;
	CHECK_EQ(target("forks", NULL), 0);
	CHECK_EQ(births(RT_BIRTH_FORK), 0);
	CHECK(writer_of(105) == writer_of(106));
	CHECK_EQ(shim_slot(&region, 1)->state, RT_SLOT_FREE);
	CHECK_EQ(target("starts", program_path("shim_target")), 0);
	CHECK_EQ(births(RT_BIRTH_EXEC), 0);
}

TEST(vfork_returns_to_a_whole_stack)
{
	CHECK_EQ(shim_region_make(&region, 256, 512), 0);
	CHECK_EQ(target("vforks", "100"), 0);
	writer_of(9);
	CHECK_EQ(shim_count(&region, RT_EV_vfork, NULL), 100);
	CHECK_EQ(births(RT_BIRTH_EXEC), 100);
}

TEST(threads_have_a_beginning_and_an_end)
{
	unsigned exited = 0;

	CHECK_EQ(shim_region_make(&region, 600, 1024), 0);
	CHECK_EQ(target("threads", "500"), 0);
	CHECK_EQ(shim_count(&region, RT_EV_thread_start, NULL), 500);
	CHECK_EQ(shim_count(&region, RT_EV_thread_exit, NULL), 500);
	CHECK_EQ(shim_count(&region, RT_EV_thread_create, NULL), 500);
	CHECK_EQ(shim_count(&region, RT_EV_write, NULL), 501);
	for (unsigned index = 0; index < 600; index++)
		exited += shim_slot(&region, index)->state == RT_SLOT_EXITED;
	CHECK_EQ(exited, 500);
	CHECK_EQ(shim_lost(&region), 0);
}

TEST(threads_beyond_the_slots_run_on_and_are_counted)
{
	CHECK_EQ(shim_region_make(&region, 32, 64), 0);
	CHECK_EQ(target("threads", "500"), 0);
	writer_of(14);
	CHECK(region.map->lost_no_slot >= 500 - 32);
}

TEST(a_thread_may_end_in_any_way)
{
	const struct rt_record *name = NULL, *start = NULL;

	CHECK_EQ(shim_region_make(&region, 16, 32), 0);
	CHECK_EQ(target("thread-ends", NULL), 0);
	CHECK_EQ(shim_count(&region, RT_EV_thread_start, &start), 2);
	CHECK_EQ(shim_count(&region, RT_EV_thread_exit, NULL), 2);
	CHECK_EQ(writer_of(15)->state, RT_SLOT_EXITED);
	CHECK(start && start->arg == writer_of(16)->tid);
	CHECK_EQ(shim_count(&region, RT_EV_thread_name, &name), 1);
	CHECK(name && shim_tail(name) && !memcmp(shim_tail(name)->bytes, "renamed", 7));
}

TEST(programs_are_followed_whatever_their_environment)
{
	CHECK_EQ(shim_region_make(&region, 32, 64), 0);
	CHECK_EQ(target("execs", "7"), 0);
	for (int64_t size = 200; size <= 207; size++)
		writer_of(size);
	CHECK_EQ(births(RT_BIRTH_EXEC), 7);
	CHECK_EQ(births(RT_BIRTH_LAUNCH), 1);
	CHECK_EQ(region.map->untraced_exec, 0);
}

/* spawn, spawnp, and the shells of system and popen, each with the program behind it */
TEST(every_way_to_start_a_program_is_followed)
{
	CHECK_EQ(shim_region_make(&region, 32, 64), 0);
	CHECK_EQ(target("starts", program_path("shim_target")), 0);
	CHECK_EQ(births(RT_BIRTH_EXEC), 6);
	CHECK_EQ(shim_count(&region, RT_EV_spawn, NULL), 3);
	CHECK_EQ(shim_count(&region, RT_EV_system, NULL), 1);
	CHECK_EQ(region.map->untraced_exec, 0);
}

TEST(static_programs_run_untouched_and_are_counted)
{
	CHECK_EQ(shim_region_make(&region, 32, 64), 0);
	CHECK_EQ(target("starts", program_path("static_target")), 0);
	CHECK_EQ(region.map->untraced_exec, 4);
	CHECK_EQ(births(RT_BIRTH_EXEC), 2);
}

TEST(privileged_programs_run_untouched_and_are_counted)
{
	char path[] = "/tmp/ragtime-setuid.XXXXXX", command[9000];
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), "cp '%s' %s", program_path("shim_target"), path);
	CHECK_EQ(system(command), 0);
	CHECK_EQ(chmod(path, 04755), 0);
	CHECK_EQ(shim_region_make(&region, 32, 64), 0);
	CHECK_EQ(target("starts", path), 0);
	CHECK_EQ(region.map->untraced_exec, 4);
	unlink(path);
}

TEST(a_program_that_does_not_exist_fails_as_ever)
{
	const struct rt_record *record = NULL;

	CHECK_EQ(shim_region_make(&region, 16, 32), 0);
	CHECK_EQ(target("exec", "no-such-program"), 44 << 8);
	CHECK_EQ(shim_count(&region, RT_EV_exec, &record), 2);
	CHECK(record && record->result == -ENOENT);
	CHECK_EQ(region.map->untraced_exec, 0);
}

TEST(strict_seccomp_is_survived)
{
	CHECK_EQ(shim_region_make(&region, 16, 32), 0);
	CHECK_EQ(target("seccomp", NULL), 0);
	CHECK(region.map->lost_no_slot >= 5000);
}

TEST(too_little_memory_leaves_the_program_alone)
{
	char *argv[] = {program_path("shim_target"), "writes", "10", NULL};
	struct rlimit before, small;
	pid_t child;

	CHECK_EQ(shim_region_make(&region, 16, 2048), 0);
	getrlimit(RLIMIT_AS, &before);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		small = (struct rlimit){100 << 20, before.rlim_max};
		setrlimit(RLIMIT_AS, &small);
		setenv("LD_PRELOAD", shim_path(), 1);
		putenv(region.variable);
		execv(argv[0], argv);
		_exit(127);
	}
	CHECK_EQ(shim_wait(child), 0);
	CHECK_EQ(shim_slot(&region, 0)->state, RT_SLOT_FREE);
}

UNIT_MAIN
