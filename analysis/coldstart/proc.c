/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_LISTENING 0x0A
#define PORTS_MAX 64

static void add_children(pid_t pid, struct proc_tree *tree)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		char list[80 + sizeof(entry->d_name)];
		FILE *children;
		int child;

		snprintf(list, sizeof(list), "%s/%s/children", path, entry->d_name);
		children = fopen(list, "re");
		while (children && tree->count < PROC_TREE_MAX &&
			fscanf(children, "%d", &child) == 1)
			tree->pids[tree->count++] = child;
		if (children)
			fclose(children);
	}
	if (tasks)
		closedir(tasks);
}

void proc_tree_below(pid_t root, struct proc_tree *tree)
{
	tree->count = 0;
	add_children(root, tree);
	for (size_t i = 0; i < tree->count; i++)
		add_children(tree->pids[i], tree);
}

int64_t proc_tree_rss(const struct proc_tree *tree)
{
	int64_t kilobytes = 0;

	for (size_t i = 0; i < tree->count; i++) {
		char path[64], line[128];
		int64_t value;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/status", (int)tree->pids[i]);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file)) {
			if (sscanf(line, "RssAnon: %" SCNd64, &value) == 1 ||
				sscanf(line, "RssFile: %" SCNd64, &value) == 1)
				kilobytes += value;
		}
		if (file)
			fclose(file);
	}
	return kilobytes * 1024;
}

struct proc_faults proc_tree_faults(const struct proc_tree *tree)
{
	struct proc_faults sum = {0};

	for (size_t i = 0; i < tree->count; i++) {
		char path[64], line[1024];
		const char *name_end;
		struct proc_faults own, waited;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)tree->pids[i]);
		file = fopen(path, "re");
		name_end = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
		if (name_end &&
			sscanf(name_end,
				") %*c %*d %*d %*d %*d %*d %*u %" SCNd64 " %" SCNd64 " %" SCNd64
				" %" SCNd64,
				&own.minor, &waited.minor, &own.major, &waited.major) == 4) {
			sum.minor += own.minor + waited.minor;
			sum.major += own.major + waited.major;
		}
		if (file)
			fclose(file);
	}
	return sum;
}

struct listener {
	unsigned long inode;
	unsigned port;
};

static size_t read_listeners(const char *table, unsigned port, struct listener *found, size_t count)
{
	char line[512];
	FILE *file = fopen(table, "re");

	while (file && count < PORTS_MAX && fgets(line, sizeof(line), file)) {
		unsigned local, state;
		unsigned long inode;

		if (sscanf(line,
			    " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
			    &local, &state, &inode) == 3 &&
			state == TCP_LISTENING && (!port || port == local))
			found[count++] = (struct listener){inode, local};
	}
	if (file)
		fclose(file);
	return count;
}

static unsigned port_among(pid_t pid, const struct listener *listeners, size_t count)
{
	char folder[64];
	struct dirent *entry;
	unsigned port = 0;
	DIR *fds;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
	fds = opendir(folder);
	while (fds && !port && (entry = readdir(fds))) {
		char path[80 + sizeof(entry->d_name)], target[64];
		unsigned long inode;
		ssize_t size;

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		size = readlink(path, target, sizeof(target) - 1);
		if (size < 0)
			continue;
		target[size] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		for (size_t i = 0; i < count; i++)
			port = listeners[i].inode == inode ? listeners[i].port : port;
	}
	if (fds)
		closedir(fds);
	return port;
}

unsigned proc_tree_listens(const struct proc_tree *tree, unsigned port)
{
	struct listener listeners[PORTS_MAX];
	char table[64];
	unsigned found = 0;
	size_t count;

	if (!tree->count)
		return 0;
	/* the namespace that they are in */
	snprintf(table, sizeof(table), "/proc/%d/net/tcp", (int)tree->pids[0]);
	count = read_listeners(table, port, listeners, 0);
	strcat(table, "6");
	count = read_listeners(table, port, listeners, count);
	for (size_t i = 0; i < tree->count && !found && count; i++)
		found = port_among(tree->pids[i], listeners, count);
	return found;
}

void proc_mapped(pid_t pid, void (*each)(void *context, const char *path), void *context)
{
	char name[64], line[4352];
	FILE *maps;

	snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
	maps = fopen(name, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		char *path = strchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		if (path && !strstr(path, " (deleted)") && strncmp(path, "/dev/", 5) != 0 &&
			strncmp(path, "/memfd:", 7) != 0)
			each(context, path);
	}
	if (maps)
		fclose(maps);
}
