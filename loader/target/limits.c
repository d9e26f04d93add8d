/* SPDX-License-Identifier: Apache-2.0 */
/* Memory limits: cgroup files, RLIMIT_AS, the machine. */
#include "loader/target/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t lesser(uint64_t left, uint64_t right)
{
	return left < right ? left : right;
}

/* A number in a file of its own; "max" and everything unreadable are no limit. */
static uint64_t read_limit(const char *path)
{
	char text[64] = "";
	FILE *file = fopen(path, "re");
	char *end;
	uint64_t value;

	if (!file)
		return UINT64_MAX;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	value = strtoull(text, &end, 10);
	return end == text ? UINT64_MAX : value;
}

uint64_t limits_of_cgroup(const char *root, const char *path, const char *file)
{
	char folder[4096], name[4352];
	uint64_t least = UINT64_MAX;
	char *slash;

	if (snprintf(folder, sizeof(folder), "%s%s", root, path) >= (int)sizeof(folder))
		return UINT64_MAX;
	for (;;) {
		snprintf(name, sizeof(name), "%s/%s", folder, file);
		least = lesser(least, read_limit(name));
		slash = strrchr(folder, '/');
		if (!slash || strlen(folder) <= strlen(root))
			return least;
		*slash = '\0';
	}
}

/* One line of /proc/self/cgroup: "4:memory:/path", or "0::/path" for the unified hierarchy. */
static uint64_t limit_of_line(char *line)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path)
		return UINT64_MAX;
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	if (!strcmp(controllers, ":"))
		return lesser(limits_of_cgroup("/sys/fs/cgroup", path, "memory.max"),
			limits_of_cgroup("/sys/fs/cgroup/unified", path, "memory.max"));
	if (strstr(controllers, "memory"))
		return limits_of_cgroup("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
	return UINT64_MAX;
}

uint64_t limits_memory(void)
{
	uint64_t least = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *file = fopen("/proc/self/cgroup", "re");
	struct rlimit space;
	char line[4096];

	while (file && fgets(line, sizeof(line), file))
		least = lesser(least, limit_of_line(line));
	if (file)
		fclose(file);
	if (!getrlimit(RLIMIT_AS, &space) && space.rlim_cur != RLIM_INFINITY)
		least = lesser(least, space.rlim_cur);
	return least;
}
