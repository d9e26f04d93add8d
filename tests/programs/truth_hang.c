/* SPDX-License-Identifier: Apache-2.0 */
/* flags: -rdynamic */
/* Calls functions that a pattern can name, says so, and hangs inside the innermost. */
#include <fcntl.h>
#include <unistd.h>

__attribute__((noinline, visibility("default"))) long hang_inner(long value)
{
	int fd = open("/etc/passwd", O_RDONLY);
	char byte;

	value += read(fd, &byte, 1);
	close(fd);
	if (value == 4) {
		if (write(STDOUT_FILENO, "hanging\n", 8) == 8)
			pause();
	}
	return value;
}

__attribute__((noinline, visibility("default"))) long hang_outer(long value)
{
	for (long i = 0; i < 5; i++)
		value += hang_inner(i);
	return value;
}

int main(void)
{
	return hang_outer(0) == 0;
}
