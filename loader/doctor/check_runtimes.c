/* SPDX-License-Identifier: Apache-2.0 */
/* Interpreters on the PATH: which there are, and how they are built. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/doctor/doctor.h"

#define SEEN_MAX 32

struct seen {
	char *paths[SEEN_MAX];
	size_t count;
};

/* python, python3, python3.11, but not python3-config, nor pythonw. */
static bool is_python(const char *name)
{
	if (strncmp(name, "python", 6) != 0)
		return false;
	return name[6 + strspn(name + 6, "0123456789.")] == '\0';
}

static bool is_new(struct seen *seen, const char *path)
{
	char real[PATH_MAX];

	if (!realpath(path, real) || seen->count == SEEN_MAX)
		return false;
	for (size_t i = 0; i < seen->count; i++) {
		if (!strcmp(seen->paths[i], real))
			return false;
	}
	seen->paths[seen->count] = strdup(real);
	return seen->paths[seen->count] && ++seen->count;
}

/* What stands on the PATH may be a script that picks an interpreter: that one's path counts. One
 * that picks none has nothing to say. */
static void ask_python(struct doctor *doctor, const char *path, struct seen *seen)
{
	char *argv[] = {(char *)path, "-I", "-c",
		"import sys; print(sys.executable); print(sys.implementation.name,"
		" sys.version.split()[0], '(shared libpython)' if 'libpython' in"
		" open('/proc/self/maps').read() else '(libpython built in)')",
		NULL};
	char answer[2 * PATH_MAX], *facts;
	int status = run_program(argv, -1, 10, answer, sizeof(answer));

	if (status == -ETIMEDOUT)
		doctor_add(doctor, "python", VERDICT_UNKNOWN, NULL, "%s does not answer", path);
	facts = status ? NULL : strchr(answer, '\n');
	if (!facts)
		return;
	*facts++ = '\0';
	facts[strcspn(facts, "\n")] = '\0';
	if (is_new(seen, answer))
		doctor_add(doctor, "python", VERDICT_YES, NULL, "%s: %s", answer, facts);
}

static int is_python_entry(const struct dirent *entry)
{
	return is_python(entry->d_name);
}

static void look_into(struct doctor *doctor, const char *folder, struct seen *seen)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_python_entry, alphasort);
	char path[PATH_MAX];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (!access(path, X_OK))
			ask_python(doctor, path, seen);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static void find_pythons(struct doctor *doctor)
{
	const char *path = getenv("PATH");
	struct seen seen = {0};
	char *folders = path ? strdup(path) : NULL, *rest = folders, *folder;

	while (folders && (folder = strsep(&rest, ":")))
		look_into(doctor, *folder ? folder : ".", &seen);
	if (!seen.count)
		doctor_add(doctor, "python", VERDICT_NO, "apt install python3", "none on the PATH");
	while (seen.count)
		free(seen.paths[--seen.count]);
	free(folders);
}

static void ask_node(struct doctor *doctor)
{
	char *argv[] = {"node", "-p", "process.execPath + ': node ' + process.version", NULL};
	char answer[256];
	int status = run_program(argv, -1, 10, answer, sizeof(answer));

	answer[strcspn(answer, "\n")] = '\0';
	if (status == 127)
		doctor_add(doctor, "node", VERDICT_NO, "apt install nodejs", "none on the PATH");
	else if (status)
		doctor_add(doctor, "node", VERDICT_UNKNOWN, NULL, "node does not answer");
	else
		doctor_add(doctor, "node", VERDICT_YES, NULL, "%s", answer);
}

void check_runtimes(struct doctor *doctor)
{
	find_pythons(doctor);
	ask_node(doctor);
}
