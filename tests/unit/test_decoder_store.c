/* SPDX-License-Identifier: Apache-2.0 */
/* What ragtime decode leaves behind: whole databases, or what was there before. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/unit/decoder_trace.h"

int cmd_decode(int argc, char **argv);

/* A trace of `calls` calls whose run is named by one letter; its path is maker.path. */
static struct trace_maker make_run(char letter, int calls)
{
	char name[16] = {'r', 'u', 'n', letter};
	struct trace_maker maker = trace_begin_run(name, letter);

	for (int i = 0; i < calls; i++)
		trace_call(&maker, 1, RT_KIND_FUNCTION, 0, 100 * (uint64_t)i,
			100 * (uint64_t)i + 50, 0, i);
	trace_finish(&maker);
	return maker;
}

static int decode(const char *output, const char *option, const char *first, const char *second)
{
	char *argv[8] = {"decode", "-o", (char *)output};
	int argc = 3;

	if (option)
		argv[argc++] = (char *)option;
	argv[argc++] = (char *)first;
	if (second)
		argv[argc++] = (char *)second;
	return cmd_decode(argc, argv);
}

static sqlite3 *open_store(const char *path)
{
	sqlite3 *db = NULL;

	CHECK_EQ(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	CHECK_STR(sql_text(db, "PRAGMA integrity_check"), "ok");
	return db;
}

static int64_t number_in(const char *path, const char *sql)
{
	sqlite3 *db = open_store(path);
	int64_t number = sql_number(db, sql);

	sqlite3_close(db);
	return number;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	CHECK_EQ(write(fd, bytes, size), size);
	close(fd);
}

TEST(a_database_is_private_and_takes_its_name_when_whole)
{
	struct trace_maker maker = make_run('a', 10);
	struct stat info;
	char temporary[80];

	snprintf(temporary, sizeof(temporary), "%s.tmp", maker.store);
	CHECK_EQ(decode(maker.store, NULL, maker.path, NULL), 0);
	CHECK_EQ(stat(maker.store, &info), 0);
	CHECK_EQ(info.st_mode & 0777, 0600);
	CHECK(access(temporary, F_OK) != 0);
	CHECK_EQ(number_in(maker.store, "SELECT SUM(calls) FROM fold"), 10);
	CHECK_EQ(number_in(maker.store, "PRAGMA user_version"), 1);
	CHECK_EQ(number_in(maker.store,
			 "SELECT COUNT(*) FROM word WHERE list = 'event' AND name = 'open'"
			 " AND number = 64"),
		1);
	trace_end(&maker, NULL);
}

TEST(the_same_trace_gives_the_same_bytes)
{
	struct trace_maker maker = make_run('a', 1000);
	static char first[1 << 20], second[1 << 20];
	ssize_t size;
	int fd;

	for (int i = 0; i < 2; i++) {
		CHECK_EQ(decode(maker.store, NULL, maker.path, NULL), 0);
		fd = open(maker.store, O_RDONLY);
		size = read(fd, i ? second : first, sizeof(first));
		close(fd);
	}
	CHECK(size > 10000);
	CHECK(!memcmp(first, second, sizeof(first)));
	trace_end(&maker, NULL);
}

TEST(runs_add_up_and_do_not_mix)
{
	struct trace_maker a = make_run('a', 10), b = make_run('b', 20), c = make_run('c', 30);

	CHECK_EQ(decode(a.store, NULL, a.path, b.path), 0);
	CHECK_EQ(number_in(a.store, "SELECT COUNT(*) FROM run"), 2);
	CHECK_EQ(decode(a.store, "--append", c.path, NULL), 0);
	CHECK_EQ(number_in(a.store, "SELECT COUNT(*) FROM run"), 3);
	CHECK_EQ(number_in(a.store,
			 "SELECT SUM(f.calls) FROM fold f JOIN thread t ON t.id = f.thread "
			 "JOIN process p ON p.id = t.process JOIN run r ON r.id = p.run "
			 "WHERE r.uuid LIKE '62%'"),
		20);
	CHECK_EQ(number_in(a.store,
			 "SELECT COUNT(*) FROM span s JOIN span p ON p.id = s.parent JOIN "
			 "thread t ON t.span = p.id AND t.id = s.thread WHERE s.kind = 1"),
		60);
	CHECK_EQ(
		number_in(a.store, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'span_parent'"),
		1);
	/* again: refused, and nothing is changed */
	CHECK_EQ(decode(a.store, "--append", b.path, NULL), 1);
	CHECK_EQ(number_in(a.store, "SELECT COUNT(*) FROM run"), 3);
	/* without --append the database is made anew */
	CHECK_EQ(decode(a.store, NULL, b.path, NULL), 0);
	CHECK_EQ(number_in(a.store, "SELECT SUM(calls) FROM fold"), 20);
	trace_end(&a, NULL);
	trace_end(&b, NULL);
	trace_end(&c, NULL);
}

TEST(what_is_no_database_of_ours_stays)
{
	struct trace_maker maker = make_run('a', 10);
	sqlite3 *other;
	char text[8] = {0};
	int fd;

	write_file(maker.store, "letters", 7);
	CHECK_EQ(decode(maker.store, NULL, maker.path, NULL), 1);
	fd = open(maker.store, O_RDONLY);
	CHECK_EQ(read(fd, text, 7), 7);
	close(fd);
	CHECK_STR(text, "letters");
	unlink(maker.store);
	sqlite3_open(maker.store, &other);
	sqlite3_exec(other, "CREATE TABLE t(a)", NULL, NULL, NULL);
	sqlite3_close(other);
	CHECK_EQ(decode(maker.store, NULL, maker.path, NULL), 1);
	CHECK_EQ(number_in(maker.store, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 't'"), 1);
	trace_end(&maker, NULL);
}

TEST(a_newer_database_is_refused)
{
	struct trace_maker a = make_run('a', 10), b = make_run('b', 10);
	sqlite3 *db;

	CHECK_EQ(decode(a.store, NULL, a.path, NULL), 0);
	sqlite3_open(a.store, &db);
	sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
	sqlite3_close(db);
	CHECK_EQ(decode(a.store, "--append", b.path, NULL), 1);
	CHECK_EQ(decode(a.store, NULL, b.path, NULL), 1);
	CHECK_EQ(number_in(a.store, "PRAGMA user_version"), 99);
	trace_end(&a, NULL);
	trace_end(&b, NULL);
}

TEST(a_failed_decode_leaves_what_was_there)
{
	struct trace_maker maker = make_run('a', 10);
	char broken[80], temporary[80];

	snprintf(broken, sizeof(broken), "%s.broken", maker.path);
	snprintf(temporary, sizeof(temporary), "%s.tmp", maker.store);
	write_file(broken,
		"no trace at all, but long enough to be looked at as if it were a header", 70);
	CHECK_EQ(decode(maker.store, NULL, maker.path, NULL), 0);
	CHECK_EQ(decode(maker.store, NULL, broken, NULL), 1);
	CHECK_EQ(number_in(maker.store, "SELECT SUM(calls) FROM fold"), 10);
	CHECK(access(temporary, F_OK) != 0);
	unlink(broken);
	trace_end(&maker, NULL);
}

TEST(an_open_file_without_a_name_will_do)
{
	struct trace_maker maker = make_run('a', 10);
	int fd = memfd_create("store", 0);
	char output[40], magic[16] = {0};

	snprintf(output, sizeof(output), "fd:%d", fd);
	CHECK_EQ(decode(output, NULL, maker.path, NULL), 0);
	CHECK_EQ(pread(fd, magic, 15, 0), 15);
	CHECK_STR(magic, "SQLite format 3");
	snprintf(output, sizeof(output), "/proc/self/fd/%d", fd);
	CHECK_EQ(decode(output, "--rows=none", maker.path, NULL), 0);
	trace_end(&maker, NULL);
}

TEST(a_torn_trace_says_so)
{
	struct trace_maker maker = trace_begin_run("torn", 't');
	struct stat info;

	for (int i = 0; i < 10; i++) {
		trace_call(&maker, 1, RT_KIND_FUNCTION, 0, 100 * (uint64_t)i,
			100 * (uint64_t)i + 50, 0, i);
		trace_block(&maker);
	}
	trace_finish(&maker);
	CHECK_EQ(stat(maker.path, &info), 0);
	CHECK_EQ(truncate(maker.path, info.st_size / 2), 0);
	CHECK_EQ(decode(maker.store, NULL, maker.path, NULL), 0);
	CHECK(number_in(maker.store, "SELECT SUM(calls) FROM fold") < 10);
	CHECK_EQ(number_in(maker.store,
			 "SELECT COUNT(*) FROM run WHERE reason IS NULL AND start_ns > 0"
			 " AND end_ns > start_ns"),
		1);
	CHECK_EQ(number_in(maker.store, "SELECT COUNT(*) FROM loss WHERE reason = 10"), 1);
	trace_end(&maker, NULL);
}

UNIT_MAIN
