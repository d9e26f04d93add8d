/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves COUNT orphans behind, each of which ends at once, and ends itself after a while. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 10;

	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child == 0) {
			if (fork() == 0)
				_exit(0);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
	usleep(200000);
	return 6;
}
