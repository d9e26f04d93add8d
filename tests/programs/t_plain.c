/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small program of common calls and no surprise, to be built in surprising ways: static, with
 * musl, with ASan, set user id, beside another malloc, inside a bare root.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void *work(void *arg)
{
	long sum = 0;

	for (int i = 0; i < 1000; i++) {
		char *p = malloc(i + 1);
		memset(p, i, i + 1);
		sum += p[i / 2] & 0xff;
		free(p);
	}
	*(long *)arg = sum;
	return NULL;
}

int main(int argc, char **argv)
{
	int pair[2], status, fd;
	char text[64] = "";
	pthread_t thread;
	long sum = 0;
	pid_t pid;

	printf("LD_PRELOAD %s\n", getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "(unset)");
	printf("uid is 0: %d, euid is 0: %d\n", getuid() == 0, geteuid() == 0);
	fflush(stdout);
	fd = open("effect.txt", O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (fd >= 0 && write(fd, "an effect\n", 10) != 10)
		return 1;
	close(fd);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 2;
	pid = fork();
	if (pid == 0) {
		(void)!send(pair[1], "from the child", 15, 0);
		_exit(4);
	}
	if (recv(pair[0], text, sizeof(text), 0) != 15 || waitpid(pid, &status, 0) != pid)
		return 3;
	pthread_create(&thread, NULL, work, &sum);
	pthread_join(thread, NULL);
	printf("%s, status %d, sum %ld\n", text, WEXITSTATUS(status), sum);
	fprintf(stderr, "a line on stderr\n");
	if (argc > 2) {
		fflush(stdout);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
	}
	return argc > 1 ? atoi(argv[1]) : 0;
}
