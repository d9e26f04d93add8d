/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks have in common. */
#include "loader/doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void doctor_add(struct doctor *doctor, const char *name, enum verdict verdict, const char *advice,
	const char *format, ...)
{
	struct finding *finding;
	va_list args;

	if (doctor->count == doctor->capacity) {
		size_t capacity = doctor->capacity ? doctor->capacity * 2 : 32;
		struct finding *findings = realloc(doctor->findings, capacity * sizeof(*findings));

		if (!findings) {
			doctor->failed = true;
			return;
		}
		doctor->findings = findings;
		doctor->capacity = capacity;
	}
	finding = &doctor->findings[doctor->count++];
	*finding = (struct finding){.group = doctor->group,
		.name = name,
		.verdict = verdict,
		.advice = verdict == VERDICT_YES ? NULL : advice};
	va_start(args, format);
	vsnprintf(finding->detail, sizeof(finding->detail), format, args);
	va_end(args);
}

void doctor_add_result(
	struct doctor *doctor, const char *name, long result, const char *advice, const char *what)
{
	if (result >= 0)
		doctor_add(doctor, name, VERDICT_YES, NULL, "%s", what);
	else
		doctor_add(
			doctor, name, VERDICT_NO, advice, "%s: %s", what, strerror((int)-result));
}

int read_line(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "re");
	int err = 0;

	if (!file)
		return -errno;
	if (!fgets(out, (int)size, file))
		err = -EIO;
	else
		out[strcspn(out, "\n")] = '\0';
	fclose(file);
	return err;
}

static void become(char *const argv[], int keep, int output)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (keep >= 0)
		fcntl(keep, F_SETFD, 0);
	execvp(argv[0], argv);
	_exit(127);
}

static long milliseconds_left(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
}

/* Reads to the end of the pipe; what does not fit is dropped. False when time is over. */
static bool read_all(int fd, const struct timespec *end, char *out, size_t size)
{
	struct pollfd poll_for = {.fd = fd, .events = POLLIN};
	char rest[4096];
	size_t used = 0;

	for (;;) {
		long left = milliseconds_left(end);
		size_t room = size - 1 - used;
		ssize_t got;

		out[used] = '\0';
		if (left <= 0 || (poll(&poll_for, 1, (int)left) == 0))
			return false;
		got = read(fd, room ? out + used : rest, room ? room : sizeof(rest));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return true;
		if (room)
			used += (size_t)got;
	}
}

int run_program(char *const argv[], int keep, unsigned seconds, char *out, size_t size)
{
	struct timespec end;
	int ends[2], status;
	bool in_time;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	child = fork();
	if (child == 0)
		become(argv, keep, ends[1]);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	in_time = read_all(ends[0], &end, out, size);
	close(ends[0]);
	if (!in_time)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!in_time)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
