/* SPDX-License-Identifier: Apache-2.0 */
/* forks COUNT [kill]: so many children one after another; each reads and writes a little and exits,
 * or kills itself in the middle. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 1000;
	int killed = argc > 2 && !strcmp(argv[2], "kill");
	int null = open("/dev/null", O_RDWR);
	int status, bad = 0;
	char byte = 'x';

	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child == 0) {
			for (int n = 0; n < 5; n++)
				bad += write(null, &byte, 1) != 1;
			if (killed)
				kill(getpid(), SIGKILL);
			_exit(bad);
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 1;
		bad += killed ? !WIFSIGNALED(status) : status != 0;
	}
	return bad != 0;
}
