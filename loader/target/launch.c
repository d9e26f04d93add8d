/* SPDX-License-Identifier: Apache-2.0 */
/* fork, exec, and the two-step detachment. */
#include "loader/target/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/ring.h"

#define PRELOAD "LD_PRELOAD"

static bool is_variable(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(entry, name, length) && entry[length] == '=';
}

/* `before` is NULL where there was no such variable: an empty one is not the same. */
static char *join(const char *name, const char *before, const char *value)
{
	char *text = NULL;

	if (asprintf(&text, "%s=%s%s%s", name, before ? before : "", before ? ":" : "", value) < 0)
		return NULL;
	return text;
}

/* environ, with the shim behind what the user preloads and the region to be found. */
static char **make_environment(const struct launch_environment *additions)
{
	const char *preloaded = getenv(PRELOAD);
	size_t count = 0, used = 0;
	char **list;

	while (environ && environ[count])
		count++;
	list = calloc(count + 4, sizeof(*list));
	if (!list)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (!is_variable(environ[i], PRELOAD) && !is_variable(environ[i], RT_ENV_REGION))
			list[used++] = environ[i];
	}
	if (preloaded)
		list[used++] = RT_ENV_EVEN "=";
	list[used++] = join(PRELOAD, preloaded, additions->shim);
	list[used++] = join(RT_ENV_REGION, NULL, additions->region);
	if (!list[used - 2] || !list[used - 1]) {
		free(list[used - 2]);
		free(list[used - 1]);
		free(list);
		return NULL;
	}
	return list;
}

static void free_environment(char **list)
{
	size_t count = 0;

	while (list[count])
		count++;
	free(list[count - 1]);
	free(list[count - 2]);
	free(list);
}

/* As execvp does: a file without a known format is a shell script. */
static int exec_file(const char *path, char *const argv[], char *const envp[])
{
	size_t count = 0;
	char **shell;
	int err;

	execve(path, argv, envp);
	if (errno != ENOEXEC)
		return -errno;
	while (argv[count])
		count++;
	shell = calloc(count + 2, sizeof(*shell));
	if (!shell)
		return -ENOMEM;
	shell[0] = "/bin/sh";
	shell[1] = (char *)path;
	for (size_t i = 1; i < count; i++)
		shell[i + 1] = argv[i];
	execve(shell[0], shell, envp);
	err = -errno;
	free(shell);
	return err;
}

int launch_replace(const char *path, char *const argv[], const struct launch_environment *additions)
{
	char **envp = additions ? make_environment(additions) : environ;
	int err;

	if (!envp)
		return -ENOMEM;
	err = exec_file(path, argv, envp);
	if (additions)
		free_environment(envp);
	return err;
}

pid_t launch_child(struct job *job, const char *path, char *const argv[],
	const struct launch_environment *additions)
{
	char **envp = make_environment(additions);
	int news[2], err = 0;
	pid_t pid;

	if (!envp)
		return -ENOMEM;
	if (pipe2(news, O_CLOEXEC) < 0) {
		free_environment(envp);
		return -errno;
	}
	pid = fork();
	if (pid == 0) {
		job_restore(job);
		err = exec_file(path, argv, envp);
		_exit(write(news[1], &err, sizeof(err)) == sizeof(err) ? 126 : 127);
	}
	if (pid < 0)
		err = -errno;
	close(news[1]);
	/* the end of the pipe without a word: the exec has closed it */
	if (pid > 0 && read(news[0], &err, sizeof(err)) == sizeof(err))
		waitpid(pid, NULL, 0);
	close(news[0]);
	free_environment(envp);
	return err ? err : pid;
}

int launch_detach(struct launch_gate *gate)
{
	int to_target[2], to_tracer[2];
	pid_t middle;

	gate->target = getpid();
	if (pipe2(to_target, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(to_tracer, O_CLOEXEC) < 0) {
		int err = -errno;

		close(to_target[0]);
		close(to_target[1]);
		return err;
	}
	/* no exit signal: a SIGCHLD that is blocked here would stay pending across the exec */
	middle = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
	if (middle == 0) {
		pid_t tracer = fork();

		if (tracer)
			_exit(tracer < 0);
		setsid();
		close(to_target[0]);
		close(to_tracer[1]);
		gate->in = to_tracer[0];
		gate->out = to_target[1];
		return LAUNCH_TRACER;
	}
	close(to_target[1]);
	close(to_tracer[0]);
	gate->in = to_target[0];
	gate->out = to_tracer[1];
	if (middle < 0)
		return -errno;
	waitpid(middle, NULL, __WALL);
	return LAUNCH_TARGET;
}

/* What passes the gate towards the target. */
struct launch_word {
	int error;
	char region[128];
};

int launch_ready(struct launch_gate *gate, const char *region, int error)
{
	struct launch_word word = {.error = error};

	snprintf(word.region, sizeof(word.region), "%s", region);
	return write(gate->out, &word, sizeof(word)) == sizeof(word) ? 0 : -EPIPE;
}

int launch_wait_exec(struct launch_gate *gate)
{
	int error = 0;
	ssize_t size = read(gate->in, &error, sizeof(error));

	close(gate->in);
	close(gate->out);
	return size == sizeof(error) ? error : 0;
}

int launch_wait_ready(struct launch_gate *gate, char *region, size_t size)
{
	struct launch_word word;

	if (read(gate->in, &word, sizeof(word)) != sizeof(word))
		return -ECHILD;
	if (!word.error)
		snprintf(region, size, "%s", word.region);
	return word.error;
}

void launch_failed(struct launch_gate *gate, int error)
{
	if (write(gate->out, &error, sizeof(error)) < 0) {
		/* the tracer is gone: nobody to tell */
	}
}

struct launch_inherited {
	size_t count;
	int fds[];
};

/* Where a standard descriptor is closed, none of ours may take its number. */
static void occupy_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

struct launch_inherited *launch_note_inherited(void)
{
	struct launch_inherited *inherited = calloc(1, sizeof(*inherited));
	struct dirent *entry;
	DIR *folder;

	occupy_standard();
	folder = opendir("/proc/self/fd");
	while (folder && inherited && (entry = readdir(folder))) {
		struct launch_inherited *larger;
		int fd = atoi(entry->d_name);

		if (fd <= STDERR_FILENO || fd == dirfd(folder))
			continue;
		larger = realloc(
			inherited, sizeof(*inherited) + (inherited->count + 1) * sizeof(int));
		if (!larger)
			break;
		inherited = larger;
		inherited->fds[inherited->count++] = fd;
	}
	if (folder)
		closedir(folder);
	return inherited;
}

static bool is_stream(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

void launch_drop_inherited(const struct launch_inherited *inherited, int keep, bool detached)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; inherited && i < inherited->count; i++) {
		if (inherited->fds[i] != keep)
			close(inherited->fds[i]);
	}
	if (null < 0)
		return;
	if (keep != STDIN_FILENO)
		dup2(null, STDIN_FILENO);
	if (keep != STDOUT_FILENO)
		dup2(null, STDOUT_FILENO);
	if (keep != STDERR_FILENO && detached && is_stream(STDERR_FILENO))
		dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}
