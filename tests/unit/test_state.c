/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: naming, the newest trace, pruning by age and size. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/state.h"

static char folder[256];

static void use_empty_home(void)
{
	snprintf(folder, sizeof(folder), "%s/state.XXXXXX", getenv("TMP") ? getenv("TMP") : "/tmp");
	if (!mkdtemp(folder))
		abort();
	setenv("XDG_STATE_HOME", folder, 1);
	strcat(folder, "/ragtime");
}

static void put_file(const char *name, size_t size, long age_days)
{
	char path[512];
	struct timespec times[2] = {{.tv_sec = time(NULL) - age_days * 86400}, {0}};
	int fd;

	times[1] = times[0];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	CHECK_EQ(futimens(fd, times), 0);
	close(fd);
}

static int has_file(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

TEST(a_new_trace_has_a_sorting_name_in_a_private_folder)
{
	char path[512], newest[512];
	struct stat st;

	use_empty_home();
	CHECK_EQ(state_newest(newest, sizeof(newest)), -ENOENT);
	CHECK_EQ(state_new_trace("py thon/3", 77, path, sizeof(path)), 0);
	CHECK(strstr(path, "-py_thon_3-77.rtrace"));
	CHECK_EQ(stat(folder, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0700);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	CHECK_EQ(state_newest(newest, sizeof(newest)), 0);
	CHECK_STR(newest, path);
	CHECK_EQ(state_newest(newest, 10), -ENAMETOOLONG);
}

TEST(pruning_takes_the_old_and_what_is_too_much)
{
	char path[512];

	use_empty_home();
	CHECK_EQ(state_new_trace("x", 1, path, sizeof(path)), 0);
	put_file("20240101-000000.000-a-1.rtrace", 10, 20);
	put_file("20240102-000000.000-a-1.rtrace", 600, 3);
	put_file("20240103-000000.000-a-1.rtrace", 600, 2);
	put_file("20240104-000000.000-a-1.rtrace", 300, 1);
	put_file("20240101-notes.rtrace", 5000, 90);
	put_file("other.txt", 5000, 90);
	CHECK_EQ(state_prune(14, 1000), 0);
	CHECK(!has_file("20240101-000000.000-a-1.rtrace"));
	CHECK(!has_file("20240102-000000.000-a-1.rtrace"));
	CHECK(has_file("20240103-000000.000-a-1.rtrace"));
	CHECK(has_file("20240104-000000.000-a-1.rtrace"));
	CHECK(has_file("20240101-notes.rtrace"));
	CHECK(has_file("other.txt"));
	CHECK_EQ(state_prune(0, 0), 0);
	CHECK(!has_file("20240103-000000.000-a-1.rtrace"));
	CHECK(has_file("20240104-000000.000-a-1.rtrace"));
}

TEST(a_missing_home_is_not_made)
{
	char parent[] = "/tmp/ragtime-home.XXXXXX", home[64], path[4096];

	CHECK(mkdtemp(parent) != NULL);
	snprintf(home, sizeof(home), "%s/gone", parent);
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", home, 1);
	CHECK_EQ(state_new_trace("true", 1, path, sizeof(path)), -ENOENT);
	CHECK(access(home, F_OK) < 0);
	setenv("HOME", parent, 1);
	CHECK_EQ(state_new_trace("true", 1, path, sizeof(path)), 0);
	snprintf(path, sizeof(path), "rm -rf %s", parent);
	CHECK_EQ(system(path), 0);
}

UNIT_MAIN
