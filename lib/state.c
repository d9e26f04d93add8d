/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: names, finding the newest trace, forgetting the oldest. */
#include "lib/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".rtrace"
/* YYYYMMDD-HHMMSS.mmm- */
#define STAMP "########-######.###-"

int state_folder(char *path, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int length;

	if (state && state[0] == '/')
		length = snprintf(path, size, "%s/ragtime", state);
	else if (home && home[0] == '/')
		length = snprintf(path, size, "%s/.local/state/ragtime", home);
	else
		length = snprintf(path, size, "$HOME/.local/state/ragtime");
	if ((size_t)length >= size)
		return -ENAMETOOLONG;
	return path[0] == '/' ? 0 : -ENOENT;
}

/* A home that does not exist is not for us to make: services are given such on purpose. */
static int make_folders(char *path)
{
	const char *home = getenv("HOME");
	size_t made = home ? strlen(home) : 0;

	if (!home || strncmp(path, home, made) != 0)
		made = 0;
	for (char *slash = strchr(path + made + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int err;

		*slash = '\0';
		err = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (err)
			return err;
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int state_new_trace(const char *program, pid_t pid, char *path, size_t size)
{
	char stamp[32], name[64];
	struct timespec now;
	struct tm utc;
	size_t at, used = 0;
	int err = state_folder(path, size);

	if (!err)
		err = make_folders(path);
	if (err)
		return err;
	for (; program[used] && used < sizeof(name) - 1; used++) {
		char c = program[used];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '.' || c == '_' || c == '+';

		name[used] = plain ? c : '_';
	}
	name[used] = '\0';
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &utc);
	at = strlen(path);
	if ((size_t)snprintf(path + at, size - at, "/%s.%03ld-%s-%d" SUFFIX, stamp,
		    now.tv_nsec / 1000000, name, (int)pid) >= size - at)
		return -ENAMETOOLONG;
	return 0;
}

static int is_trace_name(const struct dirent *entry)
{
	const char *name = entry->d_name;
	size_t length = strlen(name);

	if (length < sizeof(STAMP) + sizeof(SUFFIX) ||
		strcmp(name + length - strlen(SUFFIX), SUFFIX) != 0)
		return 0;
	for (size_t i = 0; i < sizeof(STAMP) - 1; i++) {
		bool fits =
			STAMP[i] == '#' ? name[i] >= '0' && name[i] <= '9' : name[i] == STAMP[i];

		if (!fits)
			return 0;
	}
	return 1;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

/* The traces' names, oldest first. */
static int list_traces(const char *folder, struct dirent ***entries)
{
	int count = scandir(folder, entries, is_trace_name, by_name);

	return count < 0 ? -errno : count;
}

static void free_list(struct dirent **entries, int count)
{
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

int state_newest(char *path, size_t size)
{
	struct dirent **entries = NULL;
	int count, err = state_folder(path, size);
	size_t at;

	if (err)
		return err;
	count = list_traces(path, &entries);
	if (count <= 0)
		return count ? count : -ENOENT;
	at = strlen(path);
	if ((size_t)snprintf(path + at, size - at, "/%s", entries[count - 1]->d_name) >= size - at)
		err = -ENAMETOOLONG;
	free_list(entries, count);
	return err;
}

int state_prune(unsigned days, uint64_t bytes)
{
	struct dirent **entries = NULL;
	char folder[4096];
	time_t oldest = time(NULL) - (time_t)days * 24 * 3600;
	uint64_t total = 0;
	int count, fd, err = state_folder(folder, sizeof(folder));

	if (err)
		return err;
	count = list_traces(folder, &entries);
	if (count < 0)
		return count == -ENOENT ? 0 : count;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err = -errno;
	/* the newest is counted first, and never removed */
	for (int i = count - 1; fd >= 0 && i >= 0; i--) {
		struct stat st;

		if (fstatat(fd, entries[i]->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode) || st.st_uid != geteuid())
			continue;
		total += (uint64_t)st.st_size;
		if (i == count - 1 || (st.st_mtime >= oldest && total <= bytes))
			continue;
		if (unlinkat(fd, entries[i]->d_name, 0) < 0 && errno != ENOENT)
			err = -errno;
	}
	if (fd >= 0)
		close(fd);
	free_list(entries, count);
	return err;
}
