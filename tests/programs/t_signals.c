/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interposed calls in signal handlers that interrupt interposed calls, on the thread's stack and on
 * a small alternate one, in two threads at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int bad, handled;
static int pipes[2], sockets[2];

static void expect(int truth)
{
	bad += !truth;
}

static void handler(int signo)
{
	int saved = errno;
	struct pollfd waiting = {pipes[0], POLLIN, 0};
	struct stat st;
	char c;
	int fd = open("/dev/zero", O_RDONLY);

	errno = 0;
	expect(fd >= 0 && read(fd, &c, 1) == 1 && c == 0);
	expect(stat("/", &st) == 0);
	expect(read(-1, &c, 1) == -1 && errno == EBADF);
	/* Another handler may interrupt this one. */
	expect(poll(&waiting, 1, 0) == 0 || errno == EINTR);
	expect(send(sockets[0], "x", 1, MSG_DONTWAIT) == 1 || errno == EAGAIN);
	while (recv(sockets[1], &c, 1, MSG_DONTWAIT) == 1)
		;
	expect(close(fd) == 0);
	if (signo == SIGUSR1) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(3);
		expect(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
	}
	handled++;
	errno = saved;
}

/* The same calls as in the handler, checked in the same way: neither may disturb the other. */
static void work(void)
{
	for (int i = 0; i < 20000; i++) {
		char text[16], *p;
		int fd = open("/dev/zero", O_RDONLY);
		ssize_t got;

		do
			got = read(fd, text, sizeof(text));
		while (got < 0 && errno == EINTR);
		expect(got == sizeof(text));
		p = malloc(i + 1);
		expect(p != NULL);
		memset(p, 1, i + 1);
		free(p);
		expect(read(-1, text, 1) == -1 && errno == EBADF);
		expect(close(fd) == 0);
		if (i % 1000 == 0)
			raise(SIGUSR1);
	}
}

static void *thread_work(void *arg)
{
	stack_t stack = {.ss_sp = arg, .ss_size = sysconf(_SC_MINSIGSTKSZ) + 6144};

	sigaltstack(&stack, NULL);
	work();
	return NULL;
}

static void install(int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGPROF, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
}

int main(void)
{
	static char stacks[2][1 << 16];
	struct itimerval every = {{0, 700}, {0, 700}};
	struct itimerval never = {{0, 0}, {0, 0}};
	pthread_t thread;

	if (pipe(pipes) || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		return 1;
	for (int round = 0; round < 2; round++) {
		install(SA_RESTART | (round ? SA_ONSTACK : SA_NODEFER));
		setitimer(ITIMER_REAL, &every, NULL);
		setitimer(ITIMER_PROF, &every, NULL);
		pthread_create(&thread, NULL, thread_work, stacks[0]);
		thread_work(stacks[1]);
		pthread_join(thread, NULL);
		setitimer(ITIMER_REAL, &never, NULL);
		setitimer(ITIMER_PROF, &never, NULL);
	}
	printf("handled %s, bad %d\n", handled > 20 ? "many" : "few", bad);
	return bad != 0;
}
