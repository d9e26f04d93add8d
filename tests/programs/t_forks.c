/* SPDX-License-Identifier: Apache-2.0 */
/* A thousand children, fifty at a time, some with children of their own, each doing a little. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(int number)
{
	char text[64];
	int fd = open("/proc/self/comm", O_RDONLY);
	ssize_t got = read(fd, text, sizeof(text));
	int status = 0;
	pid_t pid;

	close(fd);
	free(malloc(number));
	if (number % 10 == 0) {
		pid = fork();
		if (pid == 0)
			_exit(child(number + 1));
		if (waitpid(pid, &status, 0) != pid)
			return 99;
	}
	return (number + got + WEXITSTATUS(status)) % 90;
}

int main(void)
{
	pid_t pids[50];
	long sum = 0, odd = 0;
	int status;

	for (int batch = 0; batch < 20; batch++) {
		for (int i = 0; i < 50; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				_exit(child(batch * 50 + i));
		}
		for (int i = 0; i < 50; i++) {
			if (waitpid(pids[i], &status, 0) != pids[i] || !WIFEXITED(status))
				odd++;
			sum += WEXITSTATUS(status);
		}
	}
	printf("sum %ld, odd %ld\n", sum, odd);
	return 0;
}
