/* SPDX-License-Identifier: Apache-2.0 */
/* Where a trace goes, and what happens when it cannot: files, parts, pipes, sockets, failures. */
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/part.h"
#include "tests/unit/trace_fixture.h"

#define CALLS 3000

/* Blocks of ten calls; their args count up. 0 or the first error. */
static int write_calls(struct trace_writer *writer, unsigned calls)
{
	struct pack *pack = fixture_pack(writer, NULL, NULL);
	struct pack_end end = {.reason = "exit"};
	struct pack_totals totals;
	uint64_t seed = 3;

	pack_clock(pack, 1000, 500, 500);
	for (unsigned i = 0; i < calls; i++) {
		struct rt_record record = {.start = 1000 + i * 100,
			.duration = (uint32_t)(fixture_random(&seed) % 90),
			.kind = RT_EV_read,
			.arg = i};

		pack_records(pack, 1, &record, 1, 1);
		if (i % 10 == 9)
			pack_flush(pack);
	}
	pack_finish(pack, &end);
	pack_totals(pack, &totals);
	CHECK_EQ(totals.calls + totals.unwritten_calls, calls);
	pack_free(pack);
	trace_writer_free(writer);
	return totals.error;
}

/* Calls read, in order; -1 where they were not. */
static long read_calls(const char *const *paths, size_t count, struct trace_totals *totals)
{
	struct trace_error error;
	struct trace_reader *reader = trace_reader_open(paths, count, &error);
	struct trace_batch batch;
	uint64_t last = 0;
	bool in_order = true;
	long calls = 0;

	if (!reader) {
		printf("%s\n", error.text);
		return -1;
	}
	while (trace_reader_next(reader, &batch) > 0) {
		for (size_t i = 0; i < batch.tables->n_calls; i++) {
			struct calls_cursor cursor;
			struct call call;

			calls_start(&cursor, batch.tables->calls[i]);
			while (calls_next(&cursor, &call)) {
				in_order &= !calls++ || call.arg == last + 1;
				last = call.arg;
			}
		}
	}
	trace_reader_totals(reader, totals);
	trace_reader_free(reader);
	return in_order ? calls : -1;
}

TEST(rotation)
{
	char base[600], *parts[64];
	const char *some[64], *one;
	struct trace_totals totals;
	size_t count = 0;

	snprintf(base, sizeof(base), "%s.rtrace", fixture_path("parts"));
	CHECK_EQ(write_calls(fixture_writer(base, 4000), CALLS), 0);
	for (; count < 64; count++) {
		struct stat info;

		parts[count] = part_path(base, (uint32_t)count);
		if (stat(parts[count], &info))
			break;
		CHECK(info.st_size < 4000 + 2000);
		CHECK_EQ(info.st_mode & 0777, 0600);
	}
	CHECK(count > 3);
	one = base;
	CHECK_EQ(read_calls(&one, 1, &totals), CALLS); /* brings the others along */
	CHECK_EQ(totals.parts, count);
	CHECK(totals.finished && !totals.missing);
	one = parts[2];
	CHECK_EQ(read_calls(&one, 1, &totals), CALLS);
	for (size_t i = 0; i < count; i++)
		some[i] = parts[count - 1 - i];
	CHECK_EQ(read_calls(some, count, &totals), CALLS);
	some[0] = parts[0];
	some[1] = parts[2];
	CHECK_EQ(read_calls(some, 2, &totals), -1); /* a part is missing, so calls are */
	for (size_t i = 0; i <= count; i++) {
		unlink(parts[i]);
		free(parts[i]);
	}
}

TEST(the_newest_parts_are_kept)
{
	char base[600];
	struct trace_writer_options options = {.max_size = 4000, .max_parts = 2, .run = "kept"};
	struct trace_totals totals;
	unsigned kept = 0;
	char *newest = NULL;
	const char *path;

	snprintf(base, sizeof(base), "%s.rtrace", fixture_path("kept"));
	options.output = base;
	CHECK_EQ(write_calls(trace_writer_new(&options), CALLS), 0);
	for (uint32_t i = 0; i < 64; i++) {
		char *name = part_path(base, i);

		if (!access(name, F_OK)) {
			kept++;
			free(newest);
			newest = strdup(name);
		}
		free(name);
	}
	CHECK_EQ(kept, 2);
	path = newest;
	CHECK(read_calls(&path, 1, &totals) > 0);
	CHECK_EQ(totals.parts, 2);
	CHECK(totals.missing > 0 && totals.finished); /* what was let go is told */
	for (uint32_t i = 0; i < 64; i++) {
		char *name = part_path(base, i);

		unlink(name);
		free(name);
	}
	free(newest);
}

static int open_error(const char *output)
{
	struct trace_writer *writer = fixture_writer(output, 0);
	int err = writer ? 0 : errno;

	trace_writer_free(writer);
	return err;
}

TEST(what_a_file_may_replace)
{
	const char *path = fixture_path("replace");
	char link[600];
	struct stat before, after;
	int fd;

	unlink(path);
	CHECK_EQ(open_error(path), 0);
	CHECK(!stat(path, &before));
	CHECK_EQ(before.st_mode & 0777, 0600);
	CHECK_EQ(open_error(path), 0); /* a trace */
	fixture_write(path, "", 0);
	CHECK_EQ(open_error(path), 0);
	fixture_write(path, "precious", 8);
	stat(path, &before);
	CHECK_EQ(open_error(path), EEXIST);
	CHECK(!stat(path, &after));
	CHECK(before.st_ino == after.st_ino && after.st_size == 8);
	snprintf(link, sizeof(link), "%s.link", path);
	CHECK(!symlink(path, link));
	CHECK_EQ(open_error(link), ELOOP);
	unlink(link);
	unlink(path);
	CHECK_EQ(open_error(path), 0);
	fd = open(path, O_RDONLY);
	CHECK(!flock(fd, LOCK_EX));
	CHECK_EQ(open_error(path), EBUSY);
	close(fd);
	CHECK_EQ(open_error("/tmp"), EEXIST);
	CHECK_EQ(open_error("/nonexistent/x"), ENOENT);
	CHECK_EQ(open_error("fd:999"), EBADF);
	CHECK_EQ(open_error("fd:x"), EINVAL);
	CHECK_EQ(open_error("/dev/null"), 0);
	unlink(path);
}

TEST(a_trace_in_use_is_left_alone)
{
	const char *path = fixture_path("in-use");
	struct trace_writer *writer = fixture_writer(path, 0);

	CHECK_EQ(open_error(path), EBUSY);
	trace_writer_free(writer);
	CHECK_EQ(open_error(path), 0);
	unlink(path);
}

TEST(a_full_disk)
{
	struct trace_writer *writer = fixture_writer("/dev/full", 0);

	CHECK(!writer); /* not even the header fits */
	CHECK_EQ(errno, ENOSPC);
	CHECK(*trace_writer_advice(ENOSPC));
}

TEST(a_file_that_may_not_grow)
{
	const char *path = fixture_path("limit");
	struct trace_writer *writer = fixture_writer(path, 0);
	const struct rlimit limit = {5000, 5000};
	struct trace_totals totals;
	struct stat info;

	/* Stands for a disk that fills up: writes beyond fail, the last one in part. */
	signal(SIGXFSZ, SIG_IGN);
	CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
	CHECK_EQ(write_calls(writer, CALLS), -EFBIG);
	CHECK(!stat(path, &info) && info.st_size > 4000 && info.st_size <= 5000);
	CHECK(read_calls(&path, 1, &totals) > 100);
	CHECK_EQ(totals.torn_bytes, 0); /* the part of a block was cut off again */
	CHECK(!totals.finished);
	unlink(path);
}

TEST(a_reader_that_goes_away)
{
	struct trace_writer *writer;
	char output[16];
	int ends[2];

	CHECK(!pipe(ends));
	snprintf(output, sizeof(output), "fd:%d", ends[1]);
	writer = fixture_writer(output, 0);
	close(ends[0]);
	/* SIGPIPE would end this process here. */
	CHECK_EQ(write_calls(writer, CALLS), -EPIPE);
	CHECK_EQ(fcntl(ends[1], F_GETFD), 0); /* its owner's to close */
	close(ends[1]);
}

TEST(a_pipe)
{
	char output[16];
	const char *input = "-";
	struct trace_totals totals;
	int ends[2];
	pid_t child;

	CHECK(!pipe(ends));
	fflush(stdout);
	child = fork();
	if (!child) {
		close(ends[0]);
		snprintf(output, sizeof(output), "fd:%d", ends[1]);
		_exit(write_calls(fixture_writer(output, 500), CALLS) != 0);
	}
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	CHECK_EQ(read_calls(&input, 1, &totals), CALLS);
	CHECK(totals.finished);
	CHECK_EQ(totals.parts, 1); /* a pipe is never rotated */
	waitpid(child, NULL, 0);
}

TEST(a_socket)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	const char *input = "-";
	struct trace_totals totals;
	char output[200];
	pid_t child;

	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/rt-sink-%d", (int)getpid());
	snprintf(output, sizeof(output), "unix:%s", address.sun_path);
	CHECK_EQ(open_error(output), ENOENT);
	CHECK(!bind(listener, (struct sockaddr *)&address, sizeof(address)));
	CHECK_EQ(open_error(output), ECONNREFUSED);
	CHECK(!listen(listener, 1));
	fflush(stdout);
	child = fork();
	if (!child)
		_exit(write_calls(fixture_writer(output, 0), CALLS) != 0);
	dup2(accept(listener, NULL, NULL), STDIN_FILENO);
	CHECK_EQ(read_calls(&input, 1, &totals), CALLS);
	waitpid(child, NULL, 0);
	unlink(address.sun_path);
}

TEST(parts_of_different_runs)
{
	char first[600], second[600];
	struct trace_writer_options options = {.run = "another"};
	const char *paths[2] = {first, second};
	struct trace_error error;

	snprintf(first, sizeof(first), "%s", fixture_path("run-a"));
	snprintf(second, sizeof(second), "%s", fixture_path("run-b"));
	write_calls(fixture_writer(first, 0), 10);
	options.output = second;
	write_calls(trace_writer_new(&options), 10);
	CHECK(!trace_reader_open(paths, 2, &error));
	CHECK(strstr(error.text, "different runs"));
	unlink(first);
	unlink(second);
}

UNIT_MAIN
