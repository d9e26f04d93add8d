/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs of the reading commands. Does not parse traces: that is the decoder's work. */
#include "analysis/input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/output.h"
#include "lib/log.h"
#include "lib/state.h"
#include "wire/frame.h"

#define MAGIC_SIZE 16
static const char database_magic[MAGIC_SIZE] = "SQLite format 3";

/* A file without a name: gone with its last descriptor, however this process ends. */
static int open_nameless(void)
{
	const char *folder = getenv("TMPDIR");
	int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("ragtime-database", MFD_CLOEXEC);
	if (fd >= 0)
		fchmod(fd, 0600);
	return fd;
}

static int visit_database(const char *path, const char *name, input_fn *each, void *context)
{
	char error[512];
	struct model *model = model_open(path, error, sizeof(error));
	int status;

	if (!model) {
		log_error("cannot read %s: %s", name, error);
		return 1;
	}
	status = each(model, name, context);
	if (model_error(model)) {
		log_error("%s is damaged: %s", name, model_error(model));
		status = 1;
	}
	model_close(model);
	return status;
}

static int visit_nameless(int fd, const char *name, input_fn *each, void *context)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return visit_database(path, name, each, context);
}

static void run_decode(int store, int input, const char *name, const char *rows)
{
	char output[32];
	char *arguments[] = {"ragtime", "decode", "--rows", (char *)rows, "-o", output, "--",
		(char *)name, NULL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(output, sizeof(output), "fd:%d", store);
	fcntl(store, F_SETFD, 0);
	if (input >= 0)
		dup2(input, STDIN_FILENO);
	execv("/proc/self/exe", arguments);
	log_error("cannot start 'ragtime decode': %s", strerror(errno));
	_exit(1);
}

/* 0, or the exit code of a decode that has said itself what went wrong. */
static int await_decode(pid_t child, const char *name)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return 1;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	log_error("decoding %s was ended by signal %d (%s)", name, WTERMSIG(status),
		strsignal(WTERMSIG(status)));
	return 1;
}

static int visit_trace(int input, const char *name, const char *rows, input_fn *each, void *context)
{
	int store = open_nameless();
	pid_t child;
	int status;

	if (store < 0) {
		log_error("cannot make a temporary database: %s; set TMPDIR to a folder with room",
			strerror(errno));
		return 1;
	}
	fflush(NULL);
	child = fork();
	if (child == 0)
		run_decode(store, input, name, rows);
	if (child < 0) {
		log_error("cannot start 'ragtime decode': %s", strerror(errno));
		status = 1;
	} else {
		status = await_decode(child, name);
	}
	if (!status)
		status = visit_nameless(store, name, each, context);
	close(store);
	return status;
}

static ssize_t read_fully(int fd, char *bytes, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t got = read(fd, bytes + have, size - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

/* `head`, already read, and then all that follows in `from`. */
static int copy_stream(int from, int to, const char *head, size_t head_size)
{
	static char chunk[65536];
	int err = write_fully(to, head, head_size);

	while (!err) {
		ssize_t got = read_fully(from, chunk, sizeof(chunk));

		if (got <= 0)
			return (int)got;
		err = write_fully(to, chunk, (size_t)got);
	}
	return err;
}

static int visit_stream_database(const char *head, size_t size, input_fn *each, void *context)
{
	int store = open_nameless();
	int err = store < 0 ? -errno : copy_stream(STDIN_FILENO, store, head, size);
	int status = 1;

	if (err)
		log_error("cannot copy standard input: %s", strerror(-err));
	else
		status = visit_nameless(store, "standard input", each, context);
	if (store >= 0)
		close(store);
	return status;
}

/* A process of its own gives back the bytes that were read to know what the stream is. */
static int visit_stream_trace(
	const char *head, size_t size, const char *rows, input_fn *each, void *context)
{
	int ends[2];
	pid_t feeder;
	int status;

	if (pipe2(ends, O_CLOEXEC)) {
		log_error("cannot make a pipe: %s", strerror(errno));
		return 1;
	}
	fflush(NULL);
	feeder = fork();
	if (feeder == 0) {
		signal(SIGPIPE, SIG_DFL);
		_exit(copy_stream(STDIN_FILENO, ends[1], head, size) != 0);
	}
	close(ends[1]);
	status = feeder < 0 ? 1 : visit_trace(ends[0], "-", rows, each, context);
	close(ends[0]);
	if (feeder > 0)
		waitpid(feeder, NULL, 0);
	return status;
}

static int visit_stdin(const char *rows, input_fn *each, void *context)
{
	char head[MAGIC_SIZE];
	ssize_t have = read_fully(STDIN_FILENO, head, sizeof(head));

	if (have < 0) {
		log_error("cannot read standard input: %s", strerror((int)-have));
		return 1;
	}
	if (have == MAGIC_SIZE && !memcmp(head, database_magic, MAGIC_SIZE))
		return visit_stream_database(head, (size_t)have, each, context);
	if (have >= 8 && !memcmp(head, RT_FILE_MAGIC, 8))
		return visit_stream_trace(head, (size_t)have, rows, each, context);
	log_error("standard input is neither a trace nor a database of ragtime%s",
		have ? "" : ": it is empty");
	return 1;
}

/* Of the first bytes of each input. */
struct start {
	char bytes[sizeof(struct rt_file_header)];
	ssize_t size;
};

static void read_start(const char *name, struct start *start)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	start->size = fd < 0 ? -errno : read_fully(fd, start->bytes, sizeof(start->bytes));
	if (fd >= 0)
		close(fd);
}

/* The decoder finds all parts of a rotated trace from any one of them. */
static bool same_run(const struct start *left, const struct start *right)
{
	const struct rt_file_header *a = (const void *)left->bytes, *b = (const void *)right->bytes;

	return left->size == sizeof(*a) && right->size == sizeof(*b) &&
		!memcmp(a->magic, RT_FILE_MAGIC, 8) && !memcmp(b->magic, RT_FILE_MAGIC, 8) &&
		!memcmp(a->run, b->run, sizeof(a->run));
}

static int visit_file(const char *name, const struct start *start, const char *rows, input_fn *each,
	void *context)
{
	const char *head = start->bytes;
	ssize_t have = start->size;

	if (have < 0) {
		log_error("cannot read %s: %s", name, strerror((int)-have));
		return 1;
	}
	if (have >= MAGIC_SIZE && !memcmp(head, database_magic, MAGIC_SIZE))
		return visit_database(name, name, each, context);
	if (have >= 8 && !memcmp(head, RT_FILE_MAGIC, 8))
		return visit_trace(-1, name, rows, each, context);
	log_error("%s is neither a trace nor a database of ragtime%s", name,
		have ? "" : ": it is empty");
	return 1;
}

int input_each(char **names, int count, const char *rows, input_fn *each, void *context)
{
	char newest[PATH_MAX];
	char *only[] = {newest};
	struct start *starts;
	int status = 0;

	if (!count) {
		int err = state_newest(newest, sizeof(newest));

		if (err) {
			log_error(
				"no trace was named, and there is none in the state folder: %s; make "
				"one with 'ragtime run -- PROGRAM' or name a file",
				strerror(-err));
			return 1;
		}
		names = only;
		count = 1;
	}
	starts = calloc((size_t)count, sizeof(*starts));
	if (!starts) {
		log_error("out of memory");
		return 1;
	}
	for (int i = 0; i < count && !status; i++) {
		bool seen = false;

		if (!strcmp(names[i], "-")) {
			status = visit_stdin(rows, each, context);
			continue;
		}
		read_start(names[i], &starts[i]);
		for (int j = 0; j < i; j++)
			seen |= same_run(&starts[i], &starts[j]);
		if (!seen)
			status = visit_file(names[i], &starts[i], rows, each, context);
	}
	free(starts);
	return status;
}
