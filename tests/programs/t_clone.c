/* SPDX-License-Identifier: Apache-2.0 */
/* Children that no atfork handler sees: raw clone, clone3, _Fork, a clone that shares the memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int calls(void)
{
	char text[64];
	int sum = 0;

	for (int i = 0; i < 200; i++) {
		int fd = open("/proc/self/comm", O_RDONLY);
		sum += read(fd, text, sizeof(text));
		sum += close(fd);
		free(malloc(i));
	}
	return sum % 97;
}

static int shared_child(void *arg)
{
	int fd = open("/dev/null", O_WRONLY);

	*(int *)arg = write(fd, "abc", 3);
	close(fd);
	return 8;
}

static void reap(const char *what, long pid)
{
	int status = -1;

	if (waitpid(pid, &status, __WALL) != pid)
		printf("%s: waitpid: %s\n", what, strerror(errno));
	printf("%s: exited %d with %d, parent counts %d\n", what, WIFEXITED(status),
		WEXITSTATUS(status), calls());
	fflush(stdout);
}

#define CHILD(what, start)              \
	do {                            \
		long pid = start;       \
		if (pid == 0)           \
			_exit(calls()); \
		reap(what, pid);        \
	} while (0)

int main(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	char *stack = malloc(1 << 16);
	int value = 0;
	long pid;

	printf("before %d\n", calls());
	fflush(stdout);
	CHILD("raw clone", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	CHILD("raw fork", syscall(SYS_fork));
	CHILD("clone3", syscall(SYS_clone3, &args, sizeof(args)));
	CHILD("_Fork", _Fork());
	CHILD("fork", fork());
	CHILD("_Fork of the rest", _Fork());
	reap("clone with a stack", clone(shared_child, stack + (1 << 16), SIGCHLD, &value));
	printf("its own memory: %d\n", value);
	reap("clone that shares memory",
		clone(shared_child, stack + (1 << 16), CLONE_VM | CLONE_VFORK | SIGCHLD, &value));
	printf("the shared memory: %d\n", value);
	pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "exit 11", NULL);
		_exit(1);
	}
	reap("raw clone and exec", pid);
	return 0;
}
