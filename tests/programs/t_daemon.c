/* SPDX-License-Identifier: Apache-2.0 */
/* t_daemon FILE: leaves a daemon behind that has closed everything and writes FILE a little later.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd, status;

	if (argc < 2)
		return 2;
	if (fork() == 0) {
		setsid();
		if (fork())
			_exit(0);
		umask(0);
		closefrom(0);
		usleep(100 * 1000);
		fd = open(argv[1], O_CREAT | O_WRONLY, 0644);
		(void)!write(fd, "the daemon was here\n", 20);
		_exit(fd);
	}
	wait(&status);
	printf("the daemon is on its own\n");
	return 12;
}
